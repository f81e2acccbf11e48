"""The double of Twilio's REST API behind HTTP on loopback, with faults on demand."""

from __future__ import annotations

import contextlib
import json
import threading
from collections.abc import Callable, Iterator
from enum import StrEnum
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from homeline_lab.twilio_api import Request, Response, Twilio, request


class Fault(StrEnum):
    """What befalls one request. `lost` is carried out, `cut` is not: the asker sees the same, no answer."""

    CUT = "cut"
    LOST = "lost"
    BUSY = "429"
    BROKEN = "500"
    BROKEN_LATE = "500, but done"
    GARBAGE = "no JSON"
    HALF = "half an answer"


Choose = Callable[[int, Request], Fault | None]  # a request's number, from 1, and the request


class _Http(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: object, client_address: object) -> None:
        """Nothing is printed of an asker that goes away; what else goes wrong it sees itself."""


class Server:
    """`url` is where it listens. `choose` brings faults; `asked` has every request, `wrong` what `check` found."""

    def __init__(self, twilio: Twilio) -> None:
        self.twilio = twilio
        self.choose: Choose = lambda _number, _request: None
        self.asked: list[Request] = []
        self.wrong: list[str] = []
        self._lock = threading.Lock()
        self._http = _Http(("127.0.0.1", 0), self._handler())
        self.url = f"http://127.0.0.1:{self._http.server_address[1]}"

    @contextlib.contextmanager
    def running(self) -> Iterator[Server]:
        thread = threading.Thread(target=self._http.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        thread.start()
        try:
            yield self
        finally:
            self._http.shutdown()
            self._http.server_close()
            thread.join()

    def _answer(self, asked: Request) -> tuple[Response, Fault | None]:
        with self._lock:
            self.asked.append(asked)
            fault = self.choose(len(self.asked), asked)
            if fault is Fault.BUSY:
                return Response(429, {"code": 20429, "message": "Too Many Requests"}, {"Retry-After": "1"}), fault
            if fault in (Fault.CUT, Fault.BROKEN):
                return Response(500, {"code": 20500, "message": "Internal Server Error"}), fault
            try:
                response = self.twilio.answer(asked)
            except AssertionError as error:
                self.wrong.append(str(error))
                response = Response(500, {"message": "it does not fit the document"})
            late = fault is Fault.BROKEN_LATE
            return (Response(500, {"code": 20500, "message": "Internal Server Error"}) if late else response), fault

    def _handler(server) -> type[BaseHTTPRequestHandler]:  # noqa: N805  the handler inside has a `self` of its own
        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            timeout = 60
            disable_nagle_algorithm = True

            def do_GET(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                answer, fault = server._answer(request(self.command, self.path, dict(self.headers.items()), body))
                if fault in (Fault.CUT, Fault.LOST):
                    self.close_connection = True
                    return
                content = b"" if answer.body is None else json.dumps(answer.body).encode()
                if fault is Fault.GARBAGE and content:
                    content = b"<html>" + content
                self.send_response(answer.status)
                for name, value in answer.headers.items():
                    self.send_header(name, value)
                if answer.status != 204:
                    self.send_header("Content-Type", "application/json")
                    self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                if fault is Fault.HALF:
                    content, self.close_connection = content[: len(content) // 2], True
                self.wfile.write(content)

            do_POST = do_DELETE = do_GET  # noqa: N815

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002
                """Nothing is printed."""

        return Handler
