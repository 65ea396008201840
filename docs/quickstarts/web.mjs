// What the two web applications share: a session in memory behind a cookie, and a page.
import { randomUUID } from "node:crypto";
import { createServer } from "node:http";

const { PORT = "3000" } = process.env;
export const origin = `http://localhost:${PORT}`;
const sessions = new Map();

const escape = (text) => text.replace(/[&<>"]/g, (one) => `&#${one.charCodeAt(0)};`);

/** A page with what `shown` holds. */
export function page(title, shown) {
    const links = ["sign-in", "renew", "sign-out"].map((id) => `<a id="${id}" href="/${id}">${id.replace("-", " ")}</a>`);
    return `<!doctype html><html lang="en"><meta charset="utf-8"><link rel="icon" href="data:,"><title>${title}</title>
<h1>${title}</h1><p>${links.join(" · ")}</p><pre id="shown">${escape(JSON.stringify(shown, null, 2))}</pre></html>`;
}

/** Serves `routes`: path to a function of the session and the request, whose answer is a page or a redirect. */
export function serve(title, routes) {
    createServer(async (request, response) => {
        const url = new URL(request.url, origin);
        let id = /(?:^|; )session=([^;]+)/.exec(request.headers.cookie ?? "")?.[1];
        if (!sessions.has(id)) sessions.set((id = randomUUID()), {});
        try {
            const route = routes[url.pathname];
            if (!route) return response.writeHead(404).end();
            const answer = await route(sessions.get(id), url);
            response.setHeader("set-cookie", `session=${id}; HttpOnly; SameSite=Lax; Path=/`);
            if (answer.to) return response.writeHead(302, { location: answer.to }).end();
            response.writeHead(200, { "content-type": "text/html; charset=utf-8" }).end(page(title, answer));
        } catch (error) {
            const text = error.errorMessage ?? error.error_description ?? error.message;
            response.writeHead(400, { "content-type": "text/html; charset=utf-8" }).end(page(title, { error: text }));
        }
    }).listen(Number(PORT), "localhost", () => console.log(origin));
}
