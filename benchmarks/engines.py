"""One search library behind a pipe, run in the environment it is installed in.

    PYTHON -m benchmarks.engines NAME make FOLDER MODEL    embed and store; prints what it cost
    PYTHON -m benchmarks.engines NAME serve FOLDER MODEL   load; then a question per line

Rule: each library as its own documentation shows it, with the same weights and the same texts, on
one thread and without a network. Imports stand in the constructors: no two of these libraries live
in one environment. FOLDER/../texts.json holds `passages` and `articles` as [article, text] rows.
"""

from __future__ import annotations

import importlib
import json
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol

HOW_MANY = 20
BATCH = 32

Rows = list[tuple[str, str]]


class Engine(Protocol):
    def make(self, folder: Path, name: str, rows: Rows) -> None: ...

    def load(self, folder: Path, name: str) -> None: ...

    def ask(self, name: str, text: str, *, hybrid: bool) -> list[str]:
        """Return the articles of the passages found, best first."""
        ...


class Txtai:
    def __init__(self, model: str) -> None:
        self._make = importlib.import_module("txtai").Embeddings
        self._model = model
        self._loaded: dict[str, Any] = {}

    def make(self, folder: Path, name: str, rows: Rows) -> None:
        embeddings = self._make(path=self._model, hybrid=True, gpu=False, encodebatch=BATCH)
        embeddings.index((f"{n}|{article}", text, None) for n, (article, text) in enumerate(rows))
        embeddings.save(str(folder / name))

    def load(self, folder: Path, name: str) -> None:
        embeddings = self._make()
        embeddings.load(str(folder / name))
        self._loaded[name] = embeddings

    def ask(self, name: str, text: str, *, hybrid: bool) -> list[str]:
        weights = 0.5 if hybrid else 1.0
        found = self._loaded[name].search(text, HOW_MANY, weights=weights)
        return [_article(str(uid)) for uid, _ in found]


class Chroma:
    def __init__(self, model: str) -> None:
        self._chroma = importlib.import_module("chromadb")
        functions = importlib.import_module("chromadb.utils.embedding_functions")
        self._embed = functions.SentenceTransformerEmbeddingFunction(
            model_name=model, device="cpu", normalize_embeddings=True
        )
        self._loaded: dict[str, Any] = {}

    def make(self, folder: Path, name: str, rows: Rows) -> None:
        store = self._client(folder).create_collection(
            name, embedding_function=self._embed, metadata={"hnsw:space": "cosine"}
        )
        for start in range(0, len(rows), BATCH):
            part = rows[start : start + BATCH]
            ids = [f"{start + n}|{article}" for n, (article, _) in enumerate(part)]
            store.add(ids=ids, documents=[text for _, text in part])

    def load(self, folder: Path, name: str) -> None:
        client = self._client(folder)
        self._loaded[name] = client.get_collection(name, embedding_function=self._embed)

    def ask(self, name: str, text: str, *, hybrid: bool) -> list[str]:
        found = self._loaded[name].query(query_texts=[text], n_results=HOW_MANY)
        return [_article(uid) for uid in found["ids"][0]]

    def _client(self, folder: Path) -> Any:
        settings = self._chroma.config.Settings(anonymized_telemetry=False)
        return self._chroma.PersistentClient(path=str(folder), settings=settings)


class Haystack:
    def __init__(self, model: str) -> None:
        self._haystack = importlib.import_module("haystack")
        stores = importlib.import_module("haystack.document_stores.in_memory")
        self._store = stores.InMemoryDocumentStore
        self._retrievers = importlib.import_module("haystack.components.retrievers.in_memory")
        self._joiners = importlib.import_module("haystack.components.joiners")
        self._embedders = importlib.import_module(
            "haystack_integrations.components.embedders.sentence_transformers"
        )
        device = self._haystack.utils.ComponentDevice.from_str("cpu")
        self._how = {"model": model, "device": device, "progress_bar": False, "batch_size": BATCH}
        self._loaded: dict[tuple[str, bool], Any] = {}

    def make(self, folder: Path, name: str, rows: Rows) -> None:
        embedder = self._embedders.SentenceTransformersDocumentEmbedder(**self._how)
        embedder.warm_up()
        documents = [
            self._haystack.Document(id=f"{n}|{article}", content=text)
            for n, (article, text) in enumerate(rows)
        ]
        store = self._store(embedding_similarity_function="cosine")
        store.write_documents(embedder.run(documents)["documents"])
        store.save_to_disk(str(folder / f"{name}.json"))

    def load(self, folder: Path, name: str) -> None:
        store = self._store.load_from_disk(str(folder / f"{name}.json"))
        for hybrid in (False, True):
            self._loaded[name, hybrid] = self._pipeline(store, hybrid=hybrid)

    def ask(self, name: str, text: str, *, hybrid: bool) -> list[str]:
        wanted = {"embed": {"text": text}, **({"words": {"query": text}} if hybrid else {})}
        found = self._loaded[name, hybrid].run(wanted)["join" if hybrid else "meaning"]
        return [_article(document.id) for document in found["documents"]]

    def _pipeline(self, store: Any, *, hybrid: bool) -> Any:
        pipeline = self._haystack.Pipeline()
        embedder = self._embedders.SentenceTransformersTextEmbedder(**self._how)
        retriever = self._retrievers.InMemoryEmbeddingRetriever
        pipeline.add_component("embed", embedder)
        pipeline.add_component("meaning", retriever(store, top_k=HOW_MANY))
        pipeline.connect("embed.embedding", "meaning.query_embedding")
        if hybrid:
            words = self._retrievers.InMemoryBM25Retriever(store, top_k=HOW_MANY)
            pipeline.add_component("words", words)
            join = self._joiners.DocumentJoiner(join_mode="reciprocal_rank_fusion")
            pipeline.add_component("join", join)
            pipeline.connect("meaning", "join")
            pipeline.connect("words", "join")
        pipeline.warm_up()
        return pipeline


class Floor:
    """Tokenizer, ONNX Runtime and FAISS flat: nothing of ours but the exported model."""

    def __init__(self, model: str) -> None:
        encoder = importlib.import_module("search.encoder")
        self._faiss = importlib.import_module("faiss")
        self._faiss.omp_set_num_threads(1)
        self._encoder = encoder.load_encoder(Path(model))
        self._loaded: dict[str, tuple[Any, list[str]]] = {}

    def make(self, folder: Path, name: str, rows: Rows) -> None:
        index = self._faiss.IndexFlatIP(384)
        index.add(self._encoder.encode([text for _, text in rows]))
        self._faiss.write_index(index, str(folder / f"{name}.faiss"))
        (folder / f"{name}.json").write_text(json.dumps([article for article, _ in rows]))

    def load(self, folder: Path, name: str) -> None:
        names = json.loads((folder / f"{name}.json").read_text())
        self._loaded[name] = self._faiss.read_index(str(folder / f"{name}.faiss")), names

    def ask(self, name: str, text: str, *, hybrid: bool) -> list[str]:
        index, names = self._loaded[name]
        _, rows = index.search(self._encoder.encode([text]), HOW_MANY)
        return [names[row] for row in rows[0]]


class FrontDesk:
    """The product's own search; `texts.json` names the folder of articles."""

    def __init__(self, model: str) -> None:
        self._index = importlib.import_module("search.index")
        self._ask = importlib.import_module("search.answer").ask
        self._encoder = importlib.import_module("search.encoder").load_encoder(Path(model))

    def make(self, folder: Path, name: str, rows: Rows) -> None:
        articles = json.loads((folder.parent / "texts.json").read_text())["folder"]
        index, _ = self._index.build(Path(articles), self._encoder, learn=False)
        self._index.save(index, folder / name)

    def load(self, folder: Path, name: str) -> None:
        self._loaded = self._index.load(folder / name)

    def ask(self, name: str, text: str, *, hybrid: bool) -> list[str]:
        return [
            passage.article for passage in self._ask(self._loaded, self._encoder, text).passages
        ]


ENGINES: dict[str, Callable[[str], Engine]] = {
    "front-desk": FrontDesk,
    "floor": Floor,
    "txtai": Txtai,
    "chroma": Chroma,
    "haystack": Haystack,
}


def main(name: str, act: str, folder: Path, model: str) -> None:
    reply = _own_stdout()
    engine = ENGINES[name](model)
    kinds = ("passages", "articles") if name == "floor" else ("passages",)
    if act == "make":
        texts = json.loads((folder.parent / "texts.json").read_text())
        for kind in kinds:
            started = time.process_time()
            engine.make(folder, kind, [(article, text) for article, text in texts[kind]])
            cpu_s = time.process_time() - started
            _say(reply, {"kind": kind, "rows": len(texts[kind]), "cpu_s": cpu_s})
        return
    engine.load(folder, "passages")
    engine.ask("passages", "warm up", hybrid=False)
    _say(reply, {"resident_mb": _resident_mb(), "cpu_s": time.process_time()})
    for kind in kinds[1:]:
        engine.load(folder, kind)
    for line in sys.stdin:
        asked = json.loads(line)
        started, cpu_started = time.perf_counter(), time.process_time()
        found = engine.ask(asked["kind"], asked["text"], hybrid=asked["hybrid"])
        cpu_s, took_s = time.process_time() - cpu_started, time.perf_counter() - started
        _say(reply, {"articles": list(dict.fromkeys(found))[:3], "s": took_s, "cpu_s": cpu_s})


def _own_stdout() -> Any:
    """Keep what the libraries print out of the pipe."""
    reply = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    return reply


def _say(reply: Any, what: dict[str, Any]) -> None:
    reply.write(json.dumps(what) + "\n")
    reply.flush()


def _resident_mb() -> float:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


def _article(uid: str) -> str:
    return uid.partition("|")[2]


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], Path(sys.argv[3]), sys.argv[4])
