/// Hub ids that the standard library has a name for: a script then follows `use demo` and `tiny-codes`'s own settings.
enum KnownNames {
  static let models = [
    "microsoft/Phi-3.5-mini-instruct": "phi",
    "meta-llama/Llama-3.1-8B-Instruct": "llama",
    "meta-llama/Meta-Llama-3.1-8B-Instruct": "llama",
  ]
  static let datasets = [
    "nampdn-ai/tiny-codes": "tiny-codes",
    "wikitext": "wikitext",
    "Salesforce/wikitext": "wikitext",
  ]
}
