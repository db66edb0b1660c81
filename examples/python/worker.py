"""A worker without an SDK: plain HTTP handlers of Python's standard library.

    python3 examples/python/worker.py [PORT]

POST /charge, /increment   activities: take JSON, answer JSON
POST /flaky                an activity that fails the first time a task is tried
POST /five                 an orchestrator: five calls of "increment", one after the other
"""

import json
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


def charge(order, headers):
    return {"id": "ch_" + order["order_id"], "amount": order["amount"]}


def increment(n, headers):
    return n + 1


def flaky(value, headers):
    if headers["Stent-Attempt"] == "1":
        raise RuntimeError("the first attempt fails")
    return value


def five(turn, headers):
    """Says what to do next, given all that has happened."""
    steps = {step["key"]: step for step in turn["history"]}
    value = turn["input"]
    for i in range(5):
        key = f"increment#{i}"
        step = steps.get(key)
        if step is None:
            call = {"key": key, "op": "call", "name": "increment", "input": value}
            return {"commands": [call], "await": key}
        if step["status"] != "completed":
            return {"outcome": {"failed": {"error": step["error"], "retryable": False}}}
        value = step["value"]
    return {"outcome": {"completed": value}}


HANDLERS = {"/charge": charge, "/increment": increment, "/flaky": flaky, "/five": five}


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"  # keeps the connection for the next task
    wbufsize = -1  # sends headers and body at once; in two parts, the second waits 40 ms for an acknowledgement

    def do_POST(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        try:
            status, answer = 200, HANDLERS[self.path](json.loads(body), self.headers)
        except Exception as failure:
            status = 500
            answer = {"error": {"type": type(failure).__name__, "message": str(failure)}}
        print(self.path, self.headers["Stent-Task-Id"], self.headers["Stent-Attempt"], status, flush=True)
        data = json.dumps(answer).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.send_header("Stent-Protocol", "1")
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *args):
        pass


if __name__ == "__main__":
    server = ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1]) if len(sys.argv) > 1 else 9000), Handler)
    print(f"listening on http://127.0.0.1:{server.server_port}", flush=True)
    server.serve_forever()
