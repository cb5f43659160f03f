"""Trains one demo model from scratch.

    pretrain.py FAMILY --ids DIR --tokenizers DIR --out DIR [--tokens 9e8] [--device cuda|cpu]

FAMILY is phi or llama. Reads FAMILY-train.bin and FAMILY-heldout.bin (or .bin.xz) from --ids; writes the checkpoint, the
tokenizer's files and training.json to --out/FAMILY. One step in 16 is on texts of 4096 positions, the others of 1024.
The rate rises over 2% of the steps and falls to zero along a cosine. --checkpoint saves state in that folder now
and then and goes on from it.

The same ids, options, device kind and PyTorch give the same weights, resumed or not: only deterministic kernels are used.
"""

import argparse
import json
import lzma
import math
import os
import pathlib
import shutil
import time

os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")  # deterministic products; read when CUDA starts

import numpy
import torch

import network as nets

LONG = 16  # one step in 16 is on long windows


def ids(folder, name, device):
    path = folder / f"{name}.bin"
    if path.exists():
        data = path.read_bytes()
    else:
        data = lzma.open(folder / f"{name}.bin.xz").read()
    return torch.from_numpy(numpy.frombuffer(data, dtype="<u2").astype(numpy.int32)).to(device)


class Windows:
    """Windows of one length: every pass starts at another offset and takes another order."""

    def __init__(self, stream, length, seed):
        self.stream, self.length = stream, length
        self.random = torch.Generator().manual_seed(seed)
        self.queue = torch.empty(0, dtype=torch.long)
        self.span = torch.arange(length + 1, device=stream.device)

    def batch(self, count):
        while len(self.queue) < count:
            offset = torch.randint(self.length, (1,), generator=self.random)
            windows = (len(self.stream) - 1 - int(offset)) // self.length
            starts = torch.randperm(windows, generator=self.random) * self.length + offset
            self.queue = torch.cat((self.queue, starts))
        starts, self.queue = self.queue[:count], self.queue[count:]
        window = self.stream[starts.to(self.stream.device)[:, None] + self.span].long()
        return window[:, :-1], window[:, 1:]


@torch.no_grad()
def heldout_loss(network, config, stream, length, most=400_000):
    """Mean loss over windows of the held-out text, float32 weights as they are."""
    tables = nets.rotary(config, length, stream.device)
    total = count = 0
    for start in range(0, min(len(stream), most) - length - 1, length * 8):
        rows = [stream[s:s + length + 1].long() for s in range(start, start + 8 * length, length)
                if s + length + 1 <= len(stream)]
        window = torch.stack(rows)
        total += float(network.loss(window[:, :-1], window[:, 1:], *tables)) * window[:, 1:].numel()
        count += window[:, 1:].numel()
    return total / count


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("family", choices=nets.SHAPES)
    parser.add_argument("--ids", type=pathlib.Path, required=True)
    parser.add_argument("--tokenizers", type=pathlib.Path, required=True)
    parser.add_argument("--out", type=pathlib.Path, required=True)
    parser.add_argument("--tokens", type=float, default=9e8)
    parser.add_argument("--batch", type=int, default=65536, help="tokens in a step")
    parser.add_argument("--rate", type=float, default=4e-3)
    parser.add_argument("--decay", type=float, default=0.01)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--no-compile", action="store_true")
    parser.add_argument("--checkpoint", type=pathlib.Path, help="folder for the state to go on from")
    parser.add_argument("--stop", type=int, help="stop after this step (to measure speed)")
    options = parser.parse_args()

    torch.manual_seed(options.seed)
    torch.use_deterministic_algorithms(True)
    if not options.no_compile:
        import torch._inductor.config as inductor
        if hasattr(inductor, "deterministic"):
            inductor.deterministic = True  # no choice of kernels by timing
    torch.set_float32_matmul_precision("high")
    shape, device = nets.SHAPES[options.family], options.device
    settings = json.loads((options.tokenizers / options.family / "tokenizer_config.json").read_text())
    vocabulary = json.loads((options.tokenizers / options.family / "tokenizer.json").read_text())["model"]["vocab"]
    bos, eos, pad = (vocabulary[settings[key]] for key in ("bos_token", "eos_token", "pad_token"))
    config = nets.configuration(shape, bos, eos, pad)
    train = ids(options.ids, f"{options.family}-train", device)
    held = ids(options.ids, f"{options.family}-heldout", device)

    network = nets.Network(shape).to(device)
    parameters = sum(p.numel() for p in network.parameters())
    matrices = [p for p in network.parameters() if p.dim() == 2]
    vectors = [p for p in network.parameters() if p.dim() < 2]
    optimizer = torch.optim.AdamW(
        [{"params": matrices, "weight_decay": options.decay}, {"params": vectors, "weight_decay": 0.0}],
        lr=options.rate, betas=(0.9, 0.95), fused=True,
    )
    loss_of = network.loss if options.no_compile else torch.compile(network.loss, dynamic=False)
    steps = round(options.tokens / options.batch)
    warmup = max(steps // 50, 1)
    short, long = Windows(train, nets.ORIGINAL, options.seed), Windows(train, nets.LONGEST, options.seed + 1)
    tables = {w.length: nets.rotary(config, w.length, device) for w in (short, long)}
    print(f"{options.family}: {parameters} parameters, {len(train)} tokens, {steps} steps of {options.batch}", flush=True)

    first, losses, begun = 0, [], time.time()
    saved = options.checkpoint / f"{options.family}.pt" if options.checkpoint else None
    if saved and saved.exists():
        state = torch.load(saved, map_location=device, weights_only=True)
        network.load_state_dict(state["network"])
        optimizer.load_state_dict(state["optimizer"])
        first, losses = state["step"], state["losses"]
        for step in range(first):  # the data goes on where it was
            window = long if step % LONG == LONG - 1 else short
            window.batch(options.batch // window.length)
    recent = torch.zeros((), device=device)
    marked, mark = 0, begun
    every = max(steps // 60, 50)
    for step in range(first, steps):
        rate = options.rate * min((step + 1) / warmup, 0.5 * (1 + math.cos(math.pi * step / steps)))
        for group in optimizer.param_groups:
            group["lr"] = rate
        window = long if step % LONG == LONG - 1 else short
        inputs, targets = window.batch(options.batch // window.length)
        with torch.autocast(torch.device(device).type, dtype=torch.bfloat16):
            loss = loss_of(inputs, targets, *tables[window.length])
        loss.backward()
        torch.nn.utils.clip_grad_norm_(network.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        recent += loss.detach()
        marked += 1
        if (step + 1) % every == 0 or step + 1 in (20, 50, steps):
            value, now = float(recent) / marked, time.time()
            losses.append([step + 1, round(value, 4)])
            print(f"step {step + 1:6} loss {value:.4f} rate {rate:.2e} {marked * options.batch / (now - mark) / 1e6:.2f} M tokens/s "
                  f"{now - begun:.0f} s", flush=True)
            if not math.isfinite(value):
                raise SystemExit("the loss is not finite")
            recent.zero_()
            marked, mark = 0, time.time()
            if saved:
                saved.parent.mkdir(parents=True, exist_ok=True)
                torch.save({"network": network.state_dict(), "optimizer": optimizer.state_dict(),
                            "step": step + 1, "losses": losses}, saved.with_suffix(".new"))
                saved.with_suffix(".new").replace(saved)
        if options.stop and step + 1 >= options.stop:
            break

    with torch.no_grad():  # what is measured is what is saved
        for parameter in network.parameters():
            parameter.copy_(parameter.to(torch.bfloat16).float())
    report = {
        "family": options.family, "parameters": parameters, "train_tokens": len(train), "steps": steps,
        "batch_tokens": options.batch, "seen_tokens": steps * options.batch,
        "passes": round(steps * options.batch / len(train), 1), "rate": options.rate, "weight_decay": options.decay,
        "seed": options.seed, "losses": losses,
        "heldout_loss_1024": round(heldout_loss(network, config, held, 1024), 4),
        "heldout_loss_4096": round(heldout_loss(network, config, held, 4096), 4),
        "seconds": round(time.time() - begun),
        "device": torch.cuda.get_device_name() if device.startswith("cuda") else "CPU", "torch": torch.__version__,
    }
    folder = options.out / options.family
    generation = {"bos_token_id": bos, "eos_token_id": eos, "pad_token_id": pad}
    nets.save(network, config, generation, folder)
    for name in ("tokenizer.json", "tokenizer_config.json"):
        shutil.copy(options.tokenizers / options.family / name, folder / name)
    (folder / "training.json").write_text(json.dumps(report) + "\n")
    print({k: v for k, v in report.items() if k != "losses"}, flush=True)


if __name__ == "__main__":
    main()
