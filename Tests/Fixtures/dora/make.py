"""What PEFT computes with a DoRA adapter on one linear layer: its adapter files, and expected.json.

Needs torch 2.7, transformers 4.53 and peft 0.17; writes beside itself. Dropout takes the mask that olv's hash gives.
"""

import json
import pathlib

import peft
import torch

HERE = pathlib.Path(__file__).parent
INPUTS, OUTPUTS, RANK, TOKENS, DROPOUT = 12, 7, 3, 5, 0.25
WORD = (1 << 32) - 1


def mix(value):
    z = (value + 0x9E3779B97F4A7C15) & (1 << 64) - 1
    z = ((z ^ z >> 30) * 0xBF58476D1CE4E5B9) & (1 << 64) - 1
    z = ((z ^ z >> 27) * 0x94D049BB133111EB) & (1 << 64) - 1
    return z ^ z >> 31


def key(seed, purpose):
    value = 0xCBF29CE484222325
    for byte in purpose.encode():
        value = ((value ^ byte) * 0x100000001B3) & (1 << 64) - 1
    return mix(mix(seed ^ value))


def survives(index, key):
    z = (index >> 1 ^ key) & WORD
    z ^= z >> 16
    z = z * 0x7FEB352D & WORD
    z ^= z >> 15 ^ key >> 32
    z = z * 0x846CA68B & WORD
    z ^= z >> 16
    return (z >> 16 * (index & 1) & 0x7FFF) >= round(DROPOUT * 2**15)


class Masked(torch.nn.Module):
    """Dropout with a known mask."""

    def forward(self, x):
        number = key(6, "dropout")
        rows = [[survives(i * INPUTS + j, number) for j in range(INPUTS)] for i in range(TOKENS)]
        return x * torch.tensor(rows) / (1 - DROPOUT)


class Base(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.q = torch.nn.Linear(INPUTS, OUTPUTS)

    def forward(self, x):
        return self.q(x)


torch.manual_seed(1)
model = peft.get_peft_model(
    Base(),
    peft.LoraConfig(r=RANK, lora_alpha=6, lora_dropout=DROPOUT, target_modules=["q"], use_dora=True),
)
layer = model.base_model.model.q
start = layer.lora_magnitude_vector["default"].weight.detach().clone()
with torch.no_grad():
    layer.lora_B["default"].weight.normal_(0, 0.3)
    layer.lora_magnitude_vector["default"].weight.mul_(torch.rand(OUTPUTS) + 0.5)
model.save_pretrained(HERE)
(HERE / "README.md").unlink(missing_ok=True)

parts = {
    "a": layer.lora_A["default"].weight,
    "b": layer.lora_B["default"].weight,
    "m": layer.lora_magnitude_vector["default"].weight,
}
x = torch.randn(TOKENS, INPUTS, requires_grad=True)
dy = torch.randn(TOKENS, OUTPUTS)
expected = {
    "w": layer.base_layer.weight.detach().clone(),
    "bias": layer.base_layer.bias,
    "start": start,
    "x": x,
    "dy": dy,
    "cases": [],
}
layer.lora_dropout["default"] = Masked()
for training in [False, True]:
    model.train(training)
    y = model(x)
    gradients = torch.autograd.grad((y * dy).sum(), [x, *parts.values()])
    names = ["dx", *("d" + name for name in parts)]
    expected["cases"].append({"dropout": training, "y": y, **dict(zip(names, gradients))})
model.eval()
expected["merged"] = model.merge_and_unload().q.weight


def plain(value):
    return value.detach().flatten().tolist() if isinstance(value, torch.Tensor) else str(value)


(HERE / "expected.json").write_text(json.dumps(expected, default=plain) + "\n")
