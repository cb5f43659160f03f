"""Writes a demo model's card from what its training recorded.

    card.py FAMILY --model DIR --manifest FILE --out FILE
"""

import argparse
import json
import math
import pathlib

NAMES = {
    "phi": ("Phi-3", "fused qkv and gate_up projections, grouped queries, longrope, untied head",
            "byte-level BPE (no token is added by itself; `<|endoftext|>` ends a text, `<s>` begins one)"),
    "llama": ("Llama", "grouped queries, llama3 rope scaling, head tied to the embeddings",
              "SentencePiece-style BPE with byte fallback, as Llama 2's (`<s>` is put first)"),
}


def table(rows):
    lines = ["| " + " | ".join(map(str, row)) + " |" for row in rows]
    return "\n".join([lines[0], "|" + " --- |" * len(rows[0]), *lines[1:]])


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("family", choices=NAMES)
    parser.add_argument("--model", type=pathlib.Path, required=True)
    parser.add_argument("--manifest", type=pathlib.Path, required=True)
    parser.add_argument("--out", type=pathlib.Path, required=True)
    options = parser.parse_args()
    config = json.loads((options.model / "config.json").read_text())
    training = json.loads((options.model / "training.json").read_text())
    manifest = json.loads(options.manifest.read_text())
    title, layout, tokenizer = NAMES[options.family]
    packages = manifest["packages"]

    marks = training["losses"]
    chosen = sorted({round(i * (len(marks) - 1) / 11) for i in range(12)})
    losses = table([["step", "training loss"], *[marks[i] for i in chosen]])
    checks = ""
    found = options.model / "sensitivity.json"
    if found.exists():
        values = json.loads(found.read_text())
        checks = f"""
## Sensitivity to quantization
Perplexity, groups of 128, every linear layer but the head, on 200 demo rows (each on its own, template of the demo) and
on held-out text of the same sources (windows of 1024). A plain check made with the training script; olv's own numbers
follow its own protocol.

{table([["weights", "rows", "held-out text"], *[[k, *v] for k, v in values.items()]])}
"""
    text = f"""# A small {title} model for demonstrations

{training["parameters"] / 1e6:.2f} million parameters, bfloat16, trained from scratch for `use demo`. It is made to be quantized and fine-tuned in
minutes, not to answer questions: it knows the look of code and documentation and little else.

- Architecture: {title}: {layout}. {config["num_hidden_layers"]} layers, hidden {config["hidden_size"]}, intermediate {config["intermediate_size"]}, \
{config["num_attention_heads"]} heads on {config["num_key_value_heads"]} key-value heads, {config["vocab_size"]} tokens.
- Positions: 1024, extended to 4096 by its rope scaling; one training step in 16 was on texts of 4096.
- Tokenizer: {tokenizer}; trained on the same text.
- Data: sources and documentation from {manifest["release"]}, {sum(p["bytes"] for p in packages) / 1e6:.0f} MB in {sum(p["documents"] for p in packages)} files (below). Copies, files that name
  other terms (copyleft, Creative Commons) and the licence notices at the top of files are left out. None of the demo's rows is in it.
- Licence: the weights and the tokenizer, Apache-2.0 (this repository's). The text: the licence of each package below, all permissive.
- Training: {training["steps"]} steps of {training["batch_tokens"]} tokens, {training["seen_tokens"] / 1e6:.0f} million in all, {training["passes"]} passes over {training["train_tokens"] / 1e6:.1f} million; AdamW, \
rate {training["rate"]} with
  warm-up and cosine to zero, weight decay {training["weight_decay"]}, bfloat16 products, seed {training["seed"]}; {training["seconds"]} s on one {training["device"]} with PyTorch {training["torch"]}; only deterministic
  kernels, so the same text, options, device kind and version give the same weights.
- Held-out loss: {training["heldout_loss_1024"]} nats a token in windows of 1024 (perplexity {math.exp(training["heldout_loss_1024"]):.2f}), {training["heldout_loss_4096"]} in windows of 4096.
- Made by `scripts/demo-pack all`.

{losses}
{checks}
## Text
{table([["Debian source package", "version", "licence", "files", "MB"],
        *[[p["package"], p["version"], p["licence"], p["documents"], f"{p['bytes'] / 1e6:.2f}"] for p in packages]])}
"""
    options.out.write_text(text)


if __name__ == "__main__":
    main()
