"""The two demo tokenizers, trained on the demo models' text.

    tokenizers_train.py --text train.txt --out DIR [--vocab 4096]

Writes DIR/phi (byte-level BPE, as GPT-2's) and DIR/llama (BPE on characters with byte fallback, as SentencePiece's in
Llama 2), each tokenizer.json and tokenizer_config.json in Hugging Face's layout.
"""

import argparse
import json
import pathlib
import re

from tokenizers import Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers

LONGEST = 4096  # positions; the same in both models


def texts(path, every=1):
    """The documents of a NUL-separated file, each `every`-th."""
    for index, text in enumerate(pathlib.Path(path).read_text().split("\0")[:-1]):
        if index % every == 0:
            yield text


def byte_level(documents, vocab):
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.train_from_iterator(documents, trainers.BpeTrainer(
        vocab_size=vocab,
        special_tokens=["<|endoftext|>", "<s>"],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        min_frequency=2,
        show_progress=False,
    ))
    return json.loads(tokenizer.to_str())


def byte_fallback(documents, vocab):
    """Trained on words and runs of spaces, then applied to whole text: no merge crosses a word's start, since none was
    learned there. Lines are trained apart, so that a line break stays the byte token <0x0A>."""
    special = ["<unk>", "<s>", "</s>"]
    fallback = [f"<0x{byte:02X}>" for byte in range(256)]
    tokenizer = Tokenizer(models.BPE(unk_token="<unk>", fuse_unk=True, byte_fallback=True))
    tokenizer.normalizer = normalizers.Replace(" ", "▁")
    words = r"▁+(?=▁[^▁])|▁?\p{L}+|▁?\p{N}|▁?[^▁\p{L}\p{N}]+|▁+"
    tokenizer.pre_tokenizer = pre_tokenizers.Split(Regex(words), "isolated")
    lines = (re.split(r"[\n\t]", text) for text in documents)
    lines = ([line for line in text if line] for text in lines)
    tokenizer.train_from_iterator(lines, trainers.BpeTrainer(
        vocab_size=vocab,
        special_tokens=special + fallback,
        limit_alphabet=120,
        min_frequency=2,
        show_progress=False,
    ))
    tokenizer.normalizer = normalizers.Sequence([normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")])
    tokenizer.pre_tokenizer = None
    tokenizer.decoder = decoders.Sequence([
        decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse(), decoders.Strip(" ", 1, 0),
    ])
    tokenizer.post_processor = processors.TemplateProcessing(
        single="<s> $A", pair="<s> $A <s>:1 $B:1", special_tokens=[("<s>", 1)],
    )
    document = json.loads(tokenizer.to_str())
    # The byte tokens belong to the vocabulary; in text they are ordinary characters.
    document["added_tokens"] = [t for t in document["added_tokens"] if t["content"] in special]
    return document


def write(folder, document, settings):
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "tokenizer.json").write_text(json.dumps(document, ensure_ascii=False, indent=1) + "\n")
    (folder / "tokenizer_config.json").write_text(json.dumps(settings, ensure_ascii=False, indent=2) + "\n")


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--text", type=pathlib.Path, required=True)
    parser.add_argument("--out", type=pathlib.Path, required=True)
    parser.add_argument("--vocab", type=int, default=4096)
    parser.add_argument("--every", type=int, default=2, help="train on each n-th document")
    options = parser.parse_args()
    shared = {"clean_up_tokenization_spaces": False, "model_max_length": LONGEST, "padding_side": "right"}
    write(options.out / "phi", byte_level(texts(options.text, options.every), options.vocab), {
        **shared, "bos_token": "<s>", "eos_token": "<|endoftext|>", "pad_token": "<|endoftext|>",
        "unk_token": None, "tokenizer_class": "PreTrainedTokenizerFast",
    })
    write(options.out / "llama", byte_fallback(texts(options.text, options.every), options.vocab), {
        **shared, "add_bos_token": True, "add_eos_token": False, "bos_token": "<s>", "eos_token": "</s>",
        "pad_token": "</s>", "unk_token": "<unk>", "tokenizer_class": "PreTrainedTokenizerFast",
    })


if __name__ == "__main__":
    main()
