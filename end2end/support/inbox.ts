// The demo's inbox: what the server would have sent by mail, text message or phone call.
import { expect, type APIRequestContext } from "@playwright/test";

export interface Message {
    id: string;
    kind: "email" | "text" | "call";
    to: string;
    subject: string | null;
    body: string;
    /** Milliseconds since 1970. */
    at: number;
}

/** Everything that went to an address or number, newest first; of the server that `request` belongs to. */
export async function messages(request: APIRequestContext, to: string): Promise<Message[]> {
    const answer = await request.get("/dev/inbox.json", { params: { to } });
    expect(answer.status(), "GET /dev/inbox.json").toBe(200);
    return (await answer.json()) as Message[];
}

/** What is there already: pass it to `nextMessage` so that only a newer message counts. */
export async function seen(request: APIRequestContext, to: string): Promise<Set<string>> {
    return new Set((await messages(request, to)).map((message) => message.id));
}

/** Waits for a message that is not among `known`, with `subject` in subject or text; the newest, where several came. */
export async function nextMessage(
    request: APIRequestContext,
    to: string,
    options: { known?: Set<string>; kind?: Message["kind"]; within?: number; subject?: string } = {},
): Promise<Message> {
    const { known = new Set<string>(), kind, within = 15_000, subject = "" } = options;
    let found: Message | undefined;
    await expect
        .poll(
            async () => {
                const all = await messages(request, to);
                found = all.find(
                    (message) =>
                        !known.has(message.id) &&
                        (!kind || message.kind === kind) &&
                        `${message.subject ?? ""}\n${message.body}`.includes(subject),
                );
                return found !== undefined;
            },
            { message: `a new ${kind ?? "message"} to ${to}`, timeout: within, intervals: [50, 100, 200] },
        )
        .toBe(true);
    return found as Message;
}

/** The six-digit (or longer) code of a message; a call says its digits one by one. */
export function codeOf(message: Message): string {
    const joined = message.body.replace(/(?<=\d)[ ,.\-]+(?=\d(?:\D|$))/g, "");
    const source = message.kind === "call" ? joined : message.body;
    const code = /(?<!\d)\d{6,8}(?!\d)/.exec(source)?.[0];
    if (!code) throw new Error(`no code in this ${message.kind}: ${message.body}`);
    return code;
}

/** Waits for a new message and returns its code. */
export async function nextCode(
    request: APIRequestContext,
    to: string,
    options: Parameters<typeof nextMessage>[2] = {},
): Promise<string> {
    return codeOf(await nextMessage(request, to, options));
}

/** The first link in a message whose address contains `part`. */
export function linkOf(message: Message, part = ""): string {
    const links = message.body.match(/https?:\/\/[^\s"'<>)]+/g) ?? [];
    const link = links.find((candidate) => candidate.includes(part));
    if (!link) throw new Error(`no link with "${part}" in: ${message.body}`);
    return link;
}
