"""One streamed answer from a server that speaks OpenAI's chat protocol, within a time limit."""

import os
import queue
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from dxqa.errors import LateError, WriterError

if TYPE_CHECKING:
    from openai import OpenAI
    from openai.types.chat import ChatCompletionMessageParam as Message

API_KEY = "DXQA_LLM_API_KEY"
"""The environment variable with the server's key, where it wants one."""

_Pieces = queue.SimpleQueue[str | WriterError]

_SILENCE_S = 30.0  # longest wait for the next piece of text
_MOST_TOKENS = 4096
_MOST_CHARACTERS = 20_000
_LATE = "時間内に書き終わりませんでした"


@dataclass(frozen=True, slots=True)
class Chat:
    """A language model on a server; ``timeout_s`` is for one whole answer."""

    base_url: str
    model: str
    timeout_s: float

    def stream(self, messages: "Sequence[Message]") -> Iterator[str]:
        """Yield what the model says as it comes, up to a length that no answer needs.

        A thread reads, so that the time limit holds however slowly bytes drip.

        Raises:
            WriterError: the server says nothing in time, or nothing that can be read.
        """
        pieces: _Pieces = queue.SimpleQueue()
        client = self._client()
        threading.Thread(target=self._read, args=(client, messages, pieces), daemon=True).start()
        deadline = time.monotonic() + self.timeout_s
        length = 0
        try:
            while length < _MOST_CHARACTERS and (piece := self._next(pieces, deadline)):
                length += len(piece)
                yield piece
        finally:
            client.close()  # whatever the server goes on to say, its thread ends

    def _next(self, pieces: _Pieces, deadline: float) -> str:
        """Return the next piece, not empty; at the end ``""``.

        Raises:
            LateError: time is up.
            WriterError: the thread met with an error.
        """
        left = deadline - time.monotonic()
        try:
            piece = pieces.get(timeout=left) if left > 0 else self._late(_LATE)
        except queue.Empty:
            piece = self._late(_LATE)
        if isinstance(piece, WriterError):
            raise piece
        return piece

    def _read(self, client: "OpenAI", messages: "Sequence[Message]", pieces: _Pieces) -> None:
        """Put the server's text on a queue piece by piece; then ``""``, or the error."""
        import openai  # noqa: PLC0415 - optional

        try:
            for piece in self._pieces(client, messages):
                pieces.put(piece)
            pieces.put("")
        except openai.APITimeoutError:
            pieces.put(self._late("応答がありません"))
        except openai.APIStatusError as error:
            pieces.put(self._failure(f"サーバーの返事は HTTP {error.status_code} です"))
        except openai.APIConnectionError:
            pieces.put(self._failure("サーバーとの接続に失敗しました"))
        except WriterError as error:
            pieces.put(error)
        except Exception:  # noqa: BLE001 - a server may make the client raise anything
            pieces.put(self._failure("応答が途中で切れたか、読めません"))

    def _client(self) -> "OpenAI":
        import openai  # noqa: PLC0415 - optional

        return openai.OpenAI(
            base_url=self.base_url,
            api_key=os.environ.get(API_KEY) or "none",
            timeout=min(self.timeout_s, _SILENCE_S),
            max_retries=0,
        )

    def _pieces(self, client: "OpenAI", messages: "Sequence[Message]") -> Iterator[str]:
        """Yield the text as it comes.

        Raises:
            WriterError: it ends before the server said so.
        """
        finished = False
        with client.chat.completions.create(
            model=self.model,
            messages=list(messages),
            stream=True,
            temperature=0,
            max_tokens=_MOST_TOKENS,
        ) as stream:
            for chunk in stream:
                for choice in chunk.choices[:1]:
                    if choice.delta.content:
                        yield str(choice.delta.content)
                    finished = finished or bool(choice.finish_reason)
        if not finished:
            raise self._failure("応答が途中で切れました")

    def _late(self, why: str) -> WriterError:
        return LateError(str(self._failure(why)))

    def _failure(self, why: str) -> WriterError:
        return WriterError(f"言語モデル {self.model} を使えませんでした ({why})。")
