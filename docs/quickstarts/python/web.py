"""What the two Python applications share: one person's session, and a page."""

import html
import json
import os
from http.server import BaseHTTPRequestHandler, HTTPServer
from urllib.parse import parse_qsl, urlsplit

PORT = int(os.environ.get("PORT", "3000"))
ORIGIN = f"http://localhost:{PORT}"


def serve(title, routes):
    """Serves `routes`: path to a function of the query; it returns a dict to show, or where to go."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            parts = urlsplit(self.path)
            route = routes.get(parts.path)
            if route is None:
                return self.answer(404, {})
            try:
                answer = route(dict(parse_qsl(parts.query)))
            except Exception as error:  # shown, so that one can see what went wrong
                return self.answer(400, {"error": str(error)})
            if isinstance(answer, str):
                self.send_response(302)
                self.send_header("Location", answer)
                self.end_headers()
            else:
                self.answer(200, answer)

        def answer(self, status, shown):
            text = html.escape(json.dumps(shown, indent=2))
            body = f'<!doctype html><html lang="en"><link rel="icon" href="data:,"><title>{title}</title><h1>{title}</h1><pre id="shown">{text}</pre></html>'
            self.send_response(status)
            self.send_header("Content-Type", "text/html; charset=utf-8")
            self.end_headers()
            self.wfile.write(body.encode())

        def log_message(self, *_):
            pass

    print(ORIGIN, flush=True)
    HTTPServer(("localhost", PORT), Handler).serve_forever()
