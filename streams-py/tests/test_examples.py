"""The examples run, and what the documentation shows is true."""

import asyncio
import importlib.util
import re
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

import streams_core
from streams_core import Draft, Node, Rule, SigningKey, aio, archive

ROOT = Path(__file__).parents[2]
EXAMPLES = ROOT / "examples" / "python"


def example(name: str) -> ModuleType:
    """An example, as a module."""
    spec = importlib.util.spec_from_file_location(name, EXAMPLES / f"{name}.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_tour() -> None:
    ran = subprocess.run([sys.executable, EXAMPLES / "tour.py"], capture_output=True, text=True, timeout=120, check=False)
    assert ran.returncode == 0, ran.stderr
    assert "{'rice': 1}" in ran.stdout and "Carol received 0 object(s), refused: ['denied']" in ran.stdout


def test_the_table() -> None:
    pytest.importorskip("pandas")
    ran = subprocess.run([sys.executable, EXAMPLES / "table.py"], capture_output=True, text=True, timeout=120, check=False)
    assert ran.returncode == 0, ran.stderr
    assert re.search(r"example.org/sales.Sold +300", ran.stdout) and "bread" in ran.stdout


def test_the_guestbook() -> None:
    pytest.importorskip("flask")
    guestbook = example("guestbook")
    key, other = SigningKey.generate(), SigningKey.generate()
    root = Draft.root("example.org/guestbook", {"title": "Guests"}, policies=[Rule.open_to_all()]).sign(key)
    here, there = Node(), Node()
    pages = [guestbook.app(node.create(root), key) for node, key in ((here, key), (there, other))]
    clients = [page.test_client() for page in pages]
    assert clients[0].post("/", data={"text": "<b>hello</b>"}).status_code == 302
    assert clients[1].post("/", data={"text": "from afar"}).status_code == 302
    assert clients[0].post("/", data={"text": "   "}).status_code == 302

    async def meet() -> None:
        async with aio.serve("127.0.0.1:0", node=here, key=key) as server:
            await aio.sync(server.address, node=there, key=other)

    asyncio.run(meet())
    shown = [client.get("/").text for client in clients]
    assert shown[0] == shown[1] and shown[0].count("<li>") == 2
    assert "&lt;b&gt;hello&lt;/b&gt;" in shown[0] and "from afar" in shown[0]


BLOCKS = re.findall(r"```python\n(.*?)```", (ROOT / "docs" / "python.md").read_text(), re.S)


def test_the_page_on_python(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its blocks run one after the other, but for those that go on for ever: these are met by each other."""
    monkeypatch.chdir(tmp_path)
    carol = SigningKey.generate()

    class MyStore:
        """Stands where the page has a store of one's own."""

    known: dict[str, Any] = {"carol": carol, "archive": archive, "MyStore": MyStore}
    for block in BLOCKS:
        if "asyncio.run" not in block:
            if "append(\"example.org/list.Added\", {\"item\": \"caviar\"})" in block:
                known["stream"] = Node().create(Draft.root("example.org/list").sign(SigningKey.generate()))
            exec(compile(block, "docs/python.md", "exec"), known)
            if "root.sign(alice)" in block:
                known["first"] = known["stream"]
            if "not-authorized" in block:
                known["stream"] = known["first"]
    assert known["items"] == ["milk"]
    serving, other = (block for block in BLOCKS if "asyncio.run" in block)
    serving = serving.replace("ws://127.0.0.1:7701/", "ws://127.0.0.1:0/").replace(
        'print("python other.py", stream.id)', 'print(server.address, stream.id, flush=True)'
    )
    first = subprocess.Popen([sys.executable, "-c", serving], stdout=subprocess.PIPE, text=True)
    try:
        assert first.stdout is not None
        address, id = first.stdout.readline().split()
        other = other.replace("ws://127.0.0.1:7701/", address).replace("print(event)", "print(event, flush=True)")
        second = subprocess.Popen([sys.executable, "-c", other, id], stdout=subprocess.PIPE, text=True)
        try:
            assert second.stdout is not None
            lines = iter(second.stdout.readline, "")
            assert next(lines) == "2 objects came\n"
            assert any(line.startswith("Served(") and "sent=1" in line for line in lines)
        finally:
            second.terminate()
            second.communicate()
    finally:
        first.terminate()
        first.communicate()
    assert len(Node(tmp_path / "served.db")[streams_core.ObjectId(id)]) == 3
