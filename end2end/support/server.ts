// Starts `target/debug/lanyard serve --demo` on a free port and a fresh data folder before the
// first test, and stops it after the last. What it printed is kept in the data folder's
// `server.log`; tests reach it through `serverOutput()` (the operator's one-time link, the demo
// passwords). LANYARD_E2E_BASE_URL names a running server instead, LANYARD_E2E_BINARY another binary.
import { type ChildProcess, execFile, spawn } from "node:child_process";
import { closeSync, existsSync, mkdtempSync, openSync, readFileSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

const ROOT = resolve(dirname(fileURLToPath(import.meta.url)), "../..");

/** How long the server may take until it is ready: seeding the demo on a slow machine included. */
const READY_WITHIN_MS = 60_000;

/** All tests come from one network address: the limiter of its requests has tests of its own. */
const UNLIMITED = {
    LANYARD_LIMITS__PER_ADDRESS_BURST: "100000",
    LANYARD_LIMITS__PER_ADDRESS_PER_SECOND: "1000",
    LANYARD_LIMITS__TEXTS_PER_ADDRESS_PER_HOUR: "10000",
};

export interface RunningServer {
    /** Such as `http://localhost:43117`, without a closing slash. */
    origin: string;
    /** Where its database, keys and development certificate are. */
    data: string;
    /** Runs the command line beside it, on its database: what the command prints, read as JSON. */
    command(...args: string[]): Promise<any>;
    /** Everything that it has written so far. */
    output(): string;
    /** Ends it, and removes its data folder. */
    stop(): Promise<void>;
}

/** What the shared server has printed so far, colours removed. */
export function serverOutput(): string {
    const file = process.env.LANYARD_E2E_LOG;
    if (!file) throw new Error("the server was not started by support/server.ts: its output is unknown");
    return plain(readFileSync(file, "utf8"));
}

/** The origin of the shared server. */
export function origin(): string {
    const url = process.env.LANYARD_E2E_BASE_URL;
    if (!url) throw new Error("LANYARD_E2E_BASE_URL is not set: support/server.ts sets it");
    return url;
}

function plain(text: string): string {
    return text.replace(/\u001b\[[0-9;]*m/g, "");
}

/** This process's environment without its own `LANYARD_…` variables, which the server would refuse. */
function foreign(): NodeJS.ProcessEnv {
    return Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith("LANYARD_")));
}

/** A port that was free a moment ago. */
export async function freePort(): Promise<number> {
    return new Promise((found, failed) => {
        const probe = createServer();
        probe.once("error", failed);
        probe.listen(0, "127.0.0.1", () => {
            const address = probe.address();
            const port = typeof address === "object" && address ? address.port : 0;
            probe.close(() => found(port));
        });
    });
}

async function answers(url: string): Promise<boolean> {
    try {
        return (await fetch(url, { signal: AbortSignal.timeout(2_000) })).ok;
    } catch {
        return false;
    }
}

/**
 * Starts a server of its own, for specs that must not share one.
 * `args` are added to `serve --demo --listen … --data-dir …`, without `--demo` where `demo` is false;
 * `env` to the environment.
 */
export async function startServer(args: string[] = [], env: Record<string, string> = {}, demo = true): Promise<RunningServer> {
    const binary = process.env.LANYARD_E2E_BINARY ?? join(ROOT, "target/debug/lanyard");
    if (!existsSync(binary)) throw new Error(`${binary} is missing: cargo build -p lanyard (make test does)`);
    const data = mkdtempSync(join(tmpdir(), "lanyard-e2e-"));
    const log = join(data, "server.log");
    const port = await freePort();
    const scheme = args.includes("--tls") ? "https" : "http";
    const url = `${scheme}://localhost:${port}`;
    const out = openSync(log, "a");
    const its = [...(demo ? ["--demo"] : []), "--listen", `127.0.0.1:${port}`, "--data-dir", data, ...args];
    const options = { cwd: data, env: { ...foreign(), ...UNLIMITED, NO_COLOR: "1", ...env } };
    const child = spawn(binary, ["serve", ...its], { ...options, stdio: ["ignore", out, out] });
    closeSync(out);
    const command = async (...words: string[]) =>
        JSON.parse((await promisify(execFile)(binary, [...words, ...its], { ...options, timeout: 20_000 })).stdout);
    const output = () => plain(readFileSync(log, "utf8"));
    const stop = async () => {
        await end(child);
        rmSync(data, { recursive: true, force: true });
    };
    try {
        await ready(child, `http${scheme === "https" ? "s" : ""}://127.0.0.1:${port}/livez`, binary);
    } catch (error) {
        const said = output();
        await stop();
        throw new Error(`${(error as Error).message}\n--- it said:\n${said}`);
    }
    if (!process.env.LANYARD_E2E_LOG) process.env.LANYARD_E2E_LOG = log;
    return { origin: url, data, command, output, stop };
}

async function ready(child: ChildProcess, livez: string, binary: string): Promise<void> {
    let failure: string | undefined;
    child.once("error", (error) => (failure = `${binary} could not be started: ${error.message}`));
    child.once("exit", (code, signal) => (failure = `the server ended before it was ready (${signal ?? `exit code ${code}`})`));
    // The development certificate is self-signed.
    if (livez.startsWith("https:")) process.env.NODE_TLS_REJECT_UNAUTHORIZED = "0";
    const until = Date.now() + READY_WITHIN_MS;
    while (Date.now() < until) {
        if (failure) throw new Error(failure);
        if (await answers(livez)) return;
        await new Promise((next) => setTimeout(next, 50));
    }
    throw new Error(`the server did not answer ${livez} within ${READY_WITHIN_MS / 1000} s`);
}

async function end(child: ChildProcess): Promise<void> {
    if (child.exitCode !== null || child.signalCode !== null || child.pid === undefined) return;
    const gone = new Promise<void>((done) => child.once("exit", () => done()));
    child.kill("SIGTERM");
    const hard = setTimeout(() => child.kill("SIGKILL"), 10_000);
    await gone;
    clearTimeout(hard);
}

/** Playwright's global set-up: returns the tear-down. */
export default async function globalSetup(): Promise<() => Promise<void>> {
    if (process.env.LANYARD_E2E_BASE_URL) return async () => {};
    const server = await startServer();
    process.env.LANYARD_E2E_BASE_URL = server.origin;
    return server.stop;
}
