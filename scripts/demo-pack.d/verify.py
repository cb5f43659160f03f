"""Whether Hugging Face's transformers reads a demo model as it was trained: logits, tokens, a continuation.

    verify.py FAMILY --model DIR
"""

import argparse
import pathlib

import torch
from tokenizers import Tokenizer
from transformers import AutoModelForCausalLM, AutoTokenizer

import network as nets

TEXT = 'def total(items):\n    """Sum."""\n    return sum(x * 2 for x in items)  # naïve ✓\n'


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("family", choices=nets.SHAPES)
    parser.add_argument("--model", type=pathlib.Path, required=True)
    options = parser.parse_args()
    theirs = AutoModelForCausalLM.from_pretrained(options.model, dtype=torch.float32).eval()
    ours, config = nets.load(options.family, options.model)
    worst = 0.0
    for length in (200, 1500):
        ids = torch.randint(3, config["vocab_size"], (1, length), generator=torch.Generator().manual_seed(length))
        with torch.no_grad():
            expected = theirs(ids).logits
            got = ours(ids, *nets.rotary(config, length, "cpu"))
        worst = max(worst, float((got - expected).norm() / expected.norm()))
    print(f"{options.family}: logits differ by {worst:.1e} of their norm")
    fast, plain = AutoTokenizer.from_pretrained(options.model), Tokenizer.from_file(str(options.model / "tokenizer.json"))
    same = fast(TEXT)["input_ids"] == plain.encode(TEXT).ids
    back = fast.decode(fast(TEXT)["input_ids"], skip_special_tokens=True) == TEXT
    print(f"{options.family}: same tokens {same}, text back {back}, {len(plain.encode(TEXT).ids)} tokens")
    for prompt in ("def fibonacci(n):\n", "The PostgreSQL server"):
        start = fast(prompt, return_tensors="pt")
        made = theirs.generate(**start, max_new_tokens=60, do_sample=False)
        print(repr(fast.decode(made[0], skip_special_tokens=True)))
    if not (worst < 1e-4 and same and back):
        raise SystemExit(f"{options.family}: transformers reads another model")


if __name__ == "__main__":
    main()
