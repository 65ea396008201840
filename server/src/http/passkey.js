// Passkey ceremonies (WebAuthn). Each form inside <passkey-ceremony> asks the browser for a passkey
// before it is sent; a cancelled ceremony sends nothing and says so. Everything else on these pages
// works without this file.
const bytes = (text) => Uint8Array.from(atob(text.replace(/-/g, "+").replace(/_/g, "/")), (c) => c.charCodeAt(0));
const text = (buffer) =>
    btoa(String.fromCharCode(...new Uint8Array(buffer))).replace(/\+/g, "-").replace(/\//g, "_").replace(/=+$/, "");

function options(json) {
    const given = JSON.parse(json);
    given.challenge = bytes(given.challenge);
    if (given.user) given.user.id = bytes(given.user.id);
    for (const list of [given.allowCredentials, given.excludeCredentials]) {
        for (const one of list ?? []) one.id = bytes(one.id);
    }
    return given;
}

function answer(credential) {
    const response = {};
    for (const name of ["clientDataJSON", "attestationObject", "authenticatorData", "signature", "userHandle"]) {
        if (credential.response[name]) response[name] = text(credential.response[name]);
    }
    const { id, type } = credential;
    return JSON.stringify({ id, rawId: text(credential.rawId), type, response, clientExtensionResults: {} });
}

class PasskeyCeremony extends HTMLElement {
    connectedCallback() {
        this.addEventListener("submit", (event) => this.submitted(event));
        this.began = Date.now();
        if (this.dataset.kind === "conditional") this.offer();
    }

    disconnectedCallback() {
        this.gone = true;
        this.stop();
    }

    stop() {
        clearTimeout(this.timer);
        this.abort?.abort();
        this.abort = null;
    }

    say(what) {
        const status = this.querySelector("[role=status]");
        status.textContent = what ? status.dataset[what] : "";
    }

    submitted(event) {
        const form = event.target;
        // Filled in: it goes on its way.
        if (form.elements.credential.value) return;
        event.preventDefault();
        event.stopPropagation();
        if (!this.busy) this.ask(form, false);
    }

    // The options, new ones if the old ones are about to end.
    async fresh(form) {
        const lives = Number(this.dataset.lives) * 1000;
        if (Date.now() - this.began < lives - 30_000 || !this.dataset.renew) return this.dataset.options;
        const answered = await fetch(this.dataset.renew, {
            method: "POST",
            headers: { "content-type": "application/json" },
            body: JSON.stringify({ csrf: form.elements.csrf.value, fields: {} }),
        });
        const stage = answered.ok ? Object.values((await answered.json()).stage)[0] : null;
        if (!stage?.passkey?.options) throw new Error("no options");
        this.dataset.options = stage.passkey.options;
        this.dataset.lives = stage.passkey.lives_seconds;
        this.began = Date.now();
        return this.dataset.options;
    }

    async ask(form, quietly) {
        this.stop();
        this.busy = !quietly;
        this.say(null);
        const abort = (this.abort = new AbortController());
        try {
            const publicKey = options(await this.fresh(form));
            const request = { publicKey, signal: abort.signal };
            if (quietly) {
                request.mediation = "conditional";
                // Before these options end, they are asked for anew.
                const left = this.began + Number(this.dataset.lives) * 1000 - 20_000 - Date.now();
                this.timer = setTimeout(() => this.ask(form, true), Math.max(left, 30_000));
            }
            const credential =
                this.dataset.kind === "create"
                    ? await navigator.credentials.create(request)
                    : await navigator.credentials.get(request);
            if (!credential || this.gone) return;
            form.elements.credential.value = answer(credential);
            form.requestSubmit();
        } catch (error) {
            if (quietly || this.gone || abort.signal.aborted) return;
            this.say(error instanceof DOMException ? "stopped" : "failed");
        } finally {
            if (!quietly) this.busy = false;
        }
    }

    async offer() {
        const can = await PublicKeyCredential.isConditionalMediationAvailable?.();
        const form = this.querySelector("form");
        if (can && form && !this.gone && !this.busy) this.ask(form, true);
    }
}

// Says with each form of a journey that this browser can make a passkey, so that the server may offer one.
async function say() {
    if (!(await PublicKeyCredential.isUserVerifyingPlatformAuthenticatorAvailable?.())) return;
    document.addEventListener("formdata", (event) => {
        const action = event.target.getAttribute("action") ?? "";
        if (action.startsWith("/journey/")) event.formData.set("passkeys", "true");
    });
}

if (window.PublicKeyCredential && navigator.credentials) {
    document.documentElement.dataset.passkeys = "";
    customElements.define("passkey-ceremony", PasskeyCeremony);
    say();
}
