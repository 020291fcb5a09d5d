"""Write a tuned net as files that ONNX Runtime and tokenizers read: `safety/model/`.

Rule: what is written says the same as the net. Its weights are int8, one scale for 64 of them (as
`search.export` found best), the vectors of pieces int8 with one scale each.
"""

from __future__ import annotations

import hashlib
import json
import logging
import warnings
from pathlib import Path
from typing import Any

import onnx
import torch
from onnxruntime.quantization.matmul_nbits_quantizer import (
    DefaultWeightOnlyQuantConfig,
    MatMulNBitsQuantizer,
)
from tokenizers import Tokenizer
from torch import nn

from safety.fitting.tuning import LONGEST, Net
from safety.fitting.wordpieces import Pieces
from safety.tuned import ABOUT, GRAPH, TOKENIZER

OPSET, IR_VERSION, BLOCK, COMPUTE_IN_INT8 = 18, 10, 64, 4  # as in search.export


class SmallVectors(nn.Module):
    """The vectors of the pieces in int8."""

    def __init__(self, vectors: Any) -> None:
        super().__init__()
        scale = vectors.abs().amax(dim=1, keepdim=True).clamp(min=1e-8) / 127
        self.register_buffer("scale", scale)
        self.register_buffer("table", torch.round(vectors / scale).to(torch.int8))

    def forward(self, input_ids: Any) -> Any:
        return self.table[input_ids].float() * self.scale[input_ids]  # type: ignore[index]


class OneText(nn.Module):
    def __init__(self, net: Net) -> None:
        super().__init__()
        self.net = net

    def forward(self, input_ids: Any) -> Any:
        return self.net(input_ids, torch.ones_like(input_ids))


def write(net: Net, pieces: Pieces, about: dict[str, Any], folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    _write_graph(net, folder / GRAPH)
    tokenizer = Tokenizer.from_str(pieces.tokenizer)
    tokenizer.enable_truncation(LONGEST)
    tokenizer.save(str(folder / TOKENIZER), pretty=False)
    files = {
        name: hashlib.sha256((folder / name).read_bytes()).hexdigest()
        for name in (GRAPH, TOKENIZER)
    }
    text = json.dumps({**about, "files": files}, indent=1, ensure_ascii=False)
    (folder / ABOUT).write_text(text + "\n", encoding="utf-8")


def _write_graph(net: Net, path: Path) -> None:
    whole = net.core.embeddings.word_embeddings
    net.core.embeddings.word_embeddings = SmallVectors(whole.weight.data)
    for chatty in ("torch.onnx", "onnx_ir"):
        logging.getLogger(chatty).setLevel(logging.ERROR)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        program = torch.onnx.export(
            OneText(net).eval(),
            (torch.ones((1, 16), dtype=torch.long),),
            dynamo=True,
            opset_version=OPSET,
            input_names=["input_ids"],
            output_names=["kinds"],
            dynamic_shapes={"input_ids": {1: torch.export.Dim("pieces", min=2, max=LONGEST)}},
            verbose=False,
        )
    net.core.embeddings.word_embeddings = whole
    assert program is not None
    graph = program.model_proto
    graph.ir_version = min(graph.ir_version, IR_VERSION)
    _forget_origin(graph)
    _quantised(graph).save_model_to_file(str(path))


def _forget_origin(model: onnx.ModelProto) -> None:
    """Take out where each step was written: paths of the machine, and half a megabyte."""
    graph = model.graph
    values = (*graph.input, *graph.output, *graph.value_info, *graph.initializer)
    inner = [node for function in model.functions for node in function.node]
    for each in (model, graph, *graph.node, *values, *model.functions, *inner):
        each.doc_string = ""
        del each.metadata_props[:]


def _quantised(graph: onnx.ModelProto) -> Any:
    logging.getLogger("onnxruntime.quantization").setLevel(logging.ERROR)
    config = DefaultWeightOnlyQuantConfig(
        block_size=BLOCK, is_symmetric=True, accuracy_level=COMPUTE_IN_INT8, bits=8
    )
    quantizer = MatMulNBitsQuantizer(graph, algo_config=config)
    quantizer.process()
    return quantizer.model
