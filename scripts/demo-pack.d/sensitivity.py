"""How much quantization hurts a demo model: perplexity as float, rounded to nearest (RTN) and with GPTQ.

    sensitivity.py FAMILY --model DIR --ids DIR --rows FILE.jsonl.gz [--bits 3 4]

Rows 5000:5200 each on their own, at most 1024 tokens; held-out text in windows of 1024. Groups of 128 along the input,
every linear layer but the head. GPTQ (arXiv:2210.17323) calibrates on 128 windows of 512 tokens of the training text
or, with --on-rows, of the rows before 1000. Writes sensitivity.json into the model's folder.
"""

import argparse
import copy
import gzip
import json
import math
import pathlib

import torch
import torch.nn.functional as F
from tokenizers import Tokenizer

import network as nets
import pretrain

GROUP = 128
TEMPLATE = "### Language: {programming_language} \n### Question: {prompt} \n### Answer: {response}"


def grid(weight, bits, symmetric):
    """Scale and zero point of each row of a group."""
    top = 2**bits - 1
    if symmetric:
        scale = 2 * weight.abs().amax(1, keepdim=True) / top
        zero = torch.full_like(scale, 2 ** (bits - 1))
    else:
        low, high = weight.amin(1, keepdim=True).clamp(max=0), weight.amax(1, keepdim=True).clamp(min=0)
        scale = (high - low) / top
        zero = (-low / scale.clamp(min=1e-8)).round()
    return scale.clamp(min=1e-8), zero


def rounded(weight, scale, zero, bits):
    return ((weight / scale + zero).round().clamp(0, 2**bits - 1) - zero) * scale


def rtn(weight, bits, symmetric):
    parts = weight.split(GROUP, dim=1)
    return torch.cat([rounded(p, *grid(p, bits, symmetric), bits) for p in parts], dim=1)


def gptq(weight, hessian, bits, symmetric):
    hessian = hessian.double()
    hessian += 0.01 * hessian.diagonal().mean() * torch.eye(len(hessian), device=hessian.device, dtype=torch.float64)
    upper = torch.linalg.cholesky(torch.cholesky_inverse(torch.linalg.cholesky(hessian)), upper=True).float()
    weight, result = weight.clone(), torch.empty_like(weight)
    for column in range(weight.shape[1]):
        if column % GROUP == 0:
            scale, zero = grid(weight[:, column:column + GROUP], bits, symmetric)
        result[:, column] = rounded(weight[:, column:column + 1], scale, zero, bits)[:, 0]
        error = (weight[:, column] - result[:, column]) / upper[column, column]
        weight[:, column:] -= torch.outer(error, upper[column, column:])
    return result


def linears(network):
    return {name: m for name, m in network.named_modules() if isinstance(m, torch.nn.Linear) and name != "lm_head"}


@torch.no_grad()
def hessians(network, config, windows):
    sums, hooks = {}, []
    for name, module in linears(network).items():
        def add(module, inputs, output, name=name):
            x = inputs[0].flatten(0, -2)
            sums[name] = sums.get(name, 0) + x.T @ x
        hooks.append(module.register_forward_hook(add))
    for part in windows.split(16):
        network(part, *nets.rotary(config, part.shape[1], part.device))
    for hook in hooks:
        hook.remove()
    return sums


@torch.no_grad()
def row_loss(network, config, rows, device):
    total = count = 0
    longest = max(map(len, rows))
    cosine, sine = nets.rotary(config, min(longest, nets.ORIGINAL), device)
    rows = sorted((row[:nets.ORIGINAL] for row in rows), key=len)
    for start in range(0, len(rows), 16):
        part = rows[start:start + 16]
        width = len(part[-1])
        batch = torch.zeros(len(part), width, dtype=torch.long)
        targets = torch.full((len(part), width), -100)
        for i, row in enumerate(part):
            batch[i, :len(row)] = torch.tensor(row)
            targets[i, :len(row) - 1] = torch.tensor(row[1:])
        logits = network(batch.to(device), cosine[:width], sine[:width]).flatten(0, 1)
        total += float(F.cross_entropy(logits, targets.to(device).flatten(), reduction="sum"))
        count += sum(len(row) - 1 for row in part)
    return total / count


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("family", choices=nets.SHAPES)
    parser.add_argument("--model", type=pathlib.Path, required=True)
    parser.add_argument("--ids", type=pathlib.Path, required=True)
    parser.add_argument("--rows", required=True)
    parser.add_argument("--bits", type=int, nargs="*", default=[3, 4])
    parser.add_argument("--on-rows", action="store_true")
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    options = parser.parse_args()
    device = options.device
    torch.set_float32_matmul_precision("highest")
    network, config = nets.load(options.family, options.model)
    network = network.to(device).eval()
    tokenizer = Tokenizer.from_file(str(options.model / "tokenizer.json"))
    with gzip.open(options.rows, "rt") as file:
        texts = [TEMPLATE.format(**json.loads(line)) for line in file]
    slice_ = texts[5000:5200] if len(texts) >= 5200 else texts[-200:]
    rows = [coded.ids for coded in tokenizer.encode_batch(slice_)]
    held = pretrain.ids(options.ids, f"{options.family}-heldout", device)
    if options.on_rows:
        joined = [i for coded in tokenizer.encode_batch(texts[:1000]) for i in coded.ids]
        stream = torch.tensor(joined, device=device)
    else:
        stream = pretrain.ids(options.ids, f"{options.family}-train", device)
    step = max((len(stream) - 512) // 128, 1)
    windows = torch.stack([stream[s:s + 512].long() for s in range(0, min(128 * step, len(stream) - 512), step)])

    def perplexities(model):
        return [round(math.exp(row_loss(model, config, rows, device)), 2),
                round(math.exp(pretrain.heldout_loss(model, config, held, 1024, 150_000)), 2)]

    result = {"float": perplexities(network)}
    sums = hessians(network, config, windows)
    for bits in options.bits:
        for symmetric in (False, True):
            for method in ("rtn", "gptq"):
                changed = copy.deepcopy(network)
                for name, module in linears(changed).items():
                    module.weight.data = (rtn(module.weight.data, bits, symmetric) if method == "rtn"
                                          else gptq(module.weight.data, sums[name], bits, symmetric))
                key = f"{method} {bits} bits {'sym' if symmetric else 'asym'}"
                result[key] = perplexities(changed)
    for key, (task, general) in result.items():
        print(f"{options.family:6} {key:18} rows {task:8.2f}  held-out {general:8.2f}", flush=True)
    (options.model / "sensitivity.json").write_text(json.dumps(result) + "\n")


if __name__ == "__main__":
    main()
