import Cache
import JSON
import Models
import Runtime
import Tensor

/// A name for a model that was just loaded: a hash of all that it computes with.
///
/// Weights are hashed file by file, as they are on disk, and the hashes remembered by the store.
func weightIdentity(of model: Model, in store: ContentStore, converted: DType?) throws -> String {
  try model.verifySource()
  var hash = identityStart(model)
  hash.update("stored \(converted.map { "\($0)" } ?? "as it is")")
  for file in model.weightFiles { hash.update(try store.hash(of: file)) }
  for linear in model.allLinears {
    guard let adapter = linear.adapter else { continue }
    hash.update("\(linear.name) \(adapter.rank) \(adapter.scale) \(adapter.dropout)")
    for tensor in adapter.tensors {
      try model.backend.read(tensor).withUnsafeBytes { hash.update($0) }
    }
  }
  return hash.finish()
}

/// The same for random weights, which their seed determines.
func randomIdentity(of model: Model, seed: Int, dtype: DType?) -> String {
  var hash = identityStart(model)
  hash.update("random \(seed) \(dtype.map { "\($0)" } ?? "as configured")")
  return hash.finish()
}

private func identityStart(_ model: Model) -> SHA256 {
  var hash = SHA256()
  hash.update("olv model 1")
  hash.update(JSON.object(model.config.raw).text())
  hash.update(model.tokenizer.contentHash)
  hash.update("\(model.endTokens) \(model.lineage.dropFirst())")
  return hash
}
