"""Training and held-out text as token ids.

    encode.py --text DIR --tokenizers DIR --out DIR

Writes phi-train.bin, phi-heldout.bin, llama-train.bin and llama-heldout.bin: unsigned 16-bit ids, each document
between the tokenizer's bos and eos.
"""

import argparse
import json
import pathlib
import time

import numpy
from tokenizers import Tokenizer


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--text", type=pathlib.Path, required=True)
    parser.add_argument("--tokenizers", type=pathlib.Path, required=True)
    parser.add_argument("--out", type=pathlib.Path, required=True)
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    for family in ("phi", "llama"):
        tokenizer = Tokenizer.from_file(str(options.tokenizers / family / "tokenizer.json"))
        settings = json.loads((options.tokenizers / family / "tokenizer_config.json").read_text())
        first, last = (tokenizer.token_to_id(settings[key]) for key in ("bos_token", "eos_token"))
        for split in ("train", "heldout"):
            begun = time.time()
            texts = (options.text / f"{split}.txt").read_text().split("\0")[:-1]
            size = count = 0
            with open(options.out / f"{family}-{split}.bin", "wb") as out:
                for start in range(0, len(texts), 1024):
                    group = texts[start:start + 1024]
                    for text, coded in zip(group, tokenizer.encode_batch(group, add_special_tokens=False)):
                        ids = numpy.array([first, *coded.ids, last], dtype="<u2")
                        out.write(ids.tobytes())
                        count += len(ids)
                        size += len(text.encode())
            print(f"{family} {split}: {len(texts)} documents, {count} tokens, {size / count:.2f} bytes each, "
                  f"{time.time() - begun:.0f} s", flush=True)


if __name__ == "__main__":
    main()
