// Serves a single-page quick start on http://localhost:3000: `node serve.mjs msal-browser`.
// Its settings come from the environment and reach the page as /config.json.
import { readFile } from "node:fs/promises";
import { createServer } from "node:http";
import { extname } from "node:path";

const here = (path) => new URL(path, import.meta.url);
const { AUTHORITY, CLIENT_ID, EDIT_PROFILE, RESET_PASSWORD, PORT = "3000" } = process.env;
const folder = process.argv[2];
if (!folder || !AUTHORITY || !CLIENT_ID) {
    console.error("AUTHORITY=https://… CLIENT_ID=… node serve.mjs msal-browser|oidc-client-ts");
    process.exit(2);
}

const FILES = {
    "/": here(`${folder}/index.html`),
    "/app.js": here(`${folder}/app.js`),
    "/redirect.html": here(`${folder}/redirect.html`),
    "/redirect.js": here(`${folder}/redirect.js`),
    "/lib/msal-browser.min.js": here("node_modules/@azure/msal-browser/lib/msal-browser.min.js"),
    "/lib/msal-redirect-bridge.min.js": here("node_modules/@azure/msal-browser/lib/redirect-bridge/msal-redirect-bridge.min.js"),
    "/lib/oidc-client-ts.min.js": here("node_modules/oidc-client-ts/dist/browser/oidc-client-ts.min.js"),
};
const TYPES = { ".html": "text/html; charset=utf-8", ".js": "text/javascript; charset=utf-8" };

createServer(async (request, response) => {
    const { pathname } = new URL(request.url, "http://localhost");
    if (pathname === "/config.json") {
        response.setHeader("content-type", "application/json");
        return response.end(
            JSON.stringify({ authority: AUTHORITY, clientId: CLIENT_ID, editProfile: EDIT_PROFILE, resetPassword: RESET_PASSWORD }),
        );
    }
    const file = FILES[pathname];
    const body = file && (await readFile(file).catch(() => undefined));
    if (!body) return response.writeHead(404).end();
    response.writeHead(200, { "content-type": TYPES[extname(file.pathname)] }).end(body);
}).listen(Number(PORT), "localhost", () => console.log(`http://localhost:${PORT}`));
