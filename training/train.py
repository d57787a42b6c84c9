"""Teach the bundled model how officials speak: an adapter for its questions.

    python training/train.py [--method lora|linear|layers] [--out FILE] [--epochs N] ...

Each question is drawn to the passages and sentences that answer it, away from all others of the
training data (InfoNCE over the whole bank: van den Oord et al., 2018; the hard negatives are the
other passages of its group). Passages keep the vectors of the original model, so only questions are
computed with gradients. A second term keeps questions near where the original model puts them,
strongly for questions of general knowledge. Topics in ``pairs.HELD_BACK`` are never trained on.
"""

import argparse
import hashlib
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from datasets import Dataset
from peft import LoraConfig
from sentence_transformers import (
    SentenceTransformer,
    SentenceTransformerTrainer,
    SentenceTransformerTrainingArguments,
)
from sentence_transformers.base.sampler import DefaultBatchSampler
from torch import Tensor, nn

from dxqa.encoders import BASE_NAME, load_encoder
from dxqa.encoders.adapter import Update, bert, write_updates
from dxqa.encoders.bundled import PROMPTS, prepare_bundled
from dxqa.types import Encoder
from pairs import DATA, HELD_BACK, read_groups

OUT = Path(__file__).parents[1] / "src/dxqa/data/adapter.safetensors"
GENERAL = "一般"
MODULES = [
    "query",
    "key",
    "value",
    "attention.output.dense",
    "intermediate.dense",
    "output.dense",
]
_LAYERS = 12
SCALE = 80.0  # of cosines in the softmax; e5 was trained with 100
SENTENCES = 0.5  # weight of the bank of sentences beside that of passages
KEEP, KEEP_GENERAL = 3.0, 40.0  # weights of 1 - cosine with the original vector


@dataclass(frozen=True)
class Bank:
    """Vectors that questions are compared with, and the right rows for each question."""

    vectors: Tensor
    right: list[list[int]]


@dataclass(frozen=True)
class Task:
    """Questions, where they should stay near, and what answers them."""

    questions: list[str]
    original: Tensor
    keep: Tensor
    passages: Bank
    sentences: Bank


def read_task(encoder: Encoder) -> Task:
    """Read the training topics and encode what stays fixed."""
    questions: list[str] = []
    keep: list[float] = []
    passages: dict[tuple[int, str], str] = {}
    sentences: dict[tuple[int, str, int], str] = {}
    answers: list[list[tuple[int, str, int]]] = []
    for number, group in enumerate(g for g in read_groups() if g.topic not in HELD_BACK):
        for name, passage in group.passages.items():
            passages[number, name] = passage.text
            sentences |= {(number, name, i): s for i, s in enumerate(passage.sentences)}
        for question in group.questions:
            questions.append(question.text)
            keep.append(KEEP_GENERAL if group.topic == GENERAL else KEEP)
            answers.append([(number, *answer) for answer in question.answers])
    passage_row = {key: row for row, key in enumerate(passages)}
    sentence_row = {key: row for row, key in enumerate(sentences)}
    return Task(
        questions,
        torch.tensor(encoder.encode_queries(questions)),
        torch.tensor(keep),
        Bank(
            torch.tensor(encoder.encode_passages(list(passages.values()))),
            [sorted({passage_row[key[:2]] for key in keys}) for keys in answers],
        ),
        Bank(
            torch.tensor(encoder.encode_passages(list(sentences.values()))),
            [sorted({sentence_row[key] for key in keys}) for keys in answers],
        ),
    )


class BankLoss(nn.Module):
    """InfoNCE against the banks of passages and sentences, and the pull to the original."""

    def __init__(self, model: SentenceTransformer, task: Task) -> None:
        super().__init__()
        self.model = model
        self.task = task

    def forward(self, sentence_features: Sequence[dict[str, Tensor]], labels: Tensor) -> Tensor:
        """Return the mean loss of the questions whose numbers are ``labels``."""
        task = self.task
        found = self.model(next(iter(sentence_features)))["sentence_embedding"]
        found = nn.functional.normalize(found, dim=-1)
        rows = labels.flatten()
        drift = 1 - (found * task.original[rows]).sum(dim=1)
        return (
            _contrast(found, task.passages, rows)
            + SENTENCES * _contrast(found, task.sentences, rows)
            + (task.keep[rows] * drift).mean()
        )


def _contrast(found: Tensor, bank: Bank, rows: Tensor) -> Tensor:
    """Return ``-log`` of the softmax mass that the right rows of a bank get, on average."""
    logits = SCALE * (found @ bank.vectors.T)
    right = torch.zeros_like(logits, dtype=torch.bool)
    for at, row in enumerate(rows.tolist()):
        right[at, bank.right[row]] = True
    kept = logits.masked_fill(~right, -torch.inf)
    return (logits.logsumexp(dim=1) - kept.logsumexp(dim=1)).mean()


class BatchesOfLikeLength(DefaultBatchSampler):
    """Batches whose questions are about equally long, so that little is spent on padding."""

    def __iter__(self) -> Iterator[list[int]]:
        """Yield the rows of one batch after the other, in another order each epoch."""
        dataset: Any = self.sampler  # what sentence-transformers passes in its place
        lengths = [len(question) for question in dataset["question"]]
        order = random.sample(range(len(lengths)), len(lengths))
        pool = 8 * self.batch_size
        batches = [
            part[at : at + self.batch_size]
            for begin in range(0, len(order), pool)
            for part in [sorted(order[begin : begin + pool], key=lengths.__getitem__)]
            for at in range(0, len(part), self.batch_size)
        ]
        random.shuffle(batches)
        yield from (batch for batch in batches if len(batch) == self.batch_size)


class Linear(nn.Module):
    """A linear map of sentence vectors, at first the identity."""

    def __init__(self, dimension: int) -> None:
        super().__init__()
        self.map = nn.Linear(dimension, dimension, bias=False)
        nn.init.eye_(self.map.weight)

    def forward(self, features: dict[str, Tensor]) -> dict[str, Tensor]:
        """Map the sentence vectors."""
        features["sentence_embedding"] = self.map(features["sentence_embedding"])
        return features


def prepare(method: str, first_layer: int, rank: int) -> SentenceTransformer:
    """Load the base model in float32 with only what ``method`` trains left free."""
    model = SentenceTransformer(str(prepare_bundled()), local_files_only=True)
    if method == "lora":
        layers = list(range(first_layer, _LAYERS))
        model.add_adapter(
            LoraConfig(
                r=rank,
                lora_alpha=2 * rank,
                lora_dropout=0.1,
                layers_to_transform=layers,
                layers_pattern="layer",
                target_modules=MODULES,
            )
        )
    for name, weight in model.named_parameters():
        upper = any(f".layer.{n}." in name for n in range(first_layer, _LAYERS))
        weight.requires_grad = "lora" in name if method == "lora" else method == "layers" and upper
    if method == "linear":
        model.append(Linear(model.get_embedding_dimension() or 0))
    return model


def updates(model: SentenceTransformer) -> dict[str, Update]:
    """Return the trained LoRA matrices by module, the scaling multiplied in."""
    return {
        name.removesuffix(".base_layer"): (
            module.lora_A["default"].weight.detach(),
            module.scaling["default"] * module.lora_B["default"].weight.detach(),
        )
        for name, module in bert(model).named_modules()
        if hasattr(module, "lora_A")
    }


def train(model: SentenceTransformer, task: Task, options: argparse.Namespace) -> None:
    """Train in place with sentence-transformers' trainer."""
    rows = {"question": task.questions, "label": list(range(len(task.questions)))}
    arguments = SentenceTransformerTrainingArguments(
        output_dir=str(options.out.parent / ".training"),
        num_train_epochs=options.epochs,
        per_device_train_batch_size=32,
        learning_rate=options.rate,
        warmup_steps=0.1,
        weight_decay=0.01,
        max_grad_norm=1.0,
        prompts={"question": PROMPTS["query"]},
        batch_sampler=BatchesOfLikeLength,
        seed=options.seed,
        logging_steps=50,
        save_strategy="no",
        report_to="none",
        disable_tqdm=True,
        use_cpu=not torch.cuda.is_available(),
    )
    SentenceTransformerTrainer(
        model=model,
        args=arguments,
        train_dataset=Dataset.from_dict(rows),
        loss=BankLoss(model, task),
    ).train()


def digest() -> str:
    """Return the sha256 of the training data."""
    content = b"".join(path.read_bytes() for path in sorted(DATA.glob("*.jsonl")))
    return hashlib.sha256(content).hexdigest()


def main() -> None:
    """Train and write; methods other than lora are written as plain weights, to be compared."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--method", choices=["lora", "linear", "layers"], default="lora")
    parser.add_argument("--out", type=Path, default=OUT)
    parser.add_argument("--epochs", type=float, default=3)
    parser.add_argument("--rate", type=float, default=5e-4)
    parser.add_argument("--rank", type=int, default=16)
    parser.add_argument("--first-layer", type=int, default=4)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    random.seed(options.seed)
    np.random.seed(options.seed)  # noqa: NPY002 - what the libraries below draw from
    torch.manual_seed(options.seed)
    task = read_task(load_encoder(BASE_NAME))
    model = prepare(options.method, options.first_layer, options.rank)
    trained = sum(w.numel() for w in model.parameters() if w.requires_grad)
    print(f"{len(task.questions)} questions, {trained:,} weights to train")
    train(model, task, options)
    about = {name: str(value) for name, value in vars(options).items() if name != "out"}
    about["data"] = digest()
    if options.method == "lora":
        options.out.write_bytes(write_updates(updates(model), about))
    else:
        torch.save(model.state_dict(), options.out)
    print(f"{options.out}: {options.out.stat().st_size:,} bytes")


if __name__ == "__main__":
    main()
