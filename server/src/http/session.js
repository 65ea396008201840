// Warns before a console's session goes idle, and signs out when it does (U26, C8): what it showed does not
// stay on the screen. Every tab of the same session counts as use of all of them; who signs in after somebody
// keeps none of their pages. Without this file the server ends the session all the same, and the next page asks
// to sign in.
const WARNING = 150_000;

// A short name of the session, made from the token of its forms (FNV-1a); the token itself is kept nowhere.
function tag(token) {
    let hash = 0x811c9dc5;
    for (const byte of new TextEncoder().encode(token)) hash = Math.imul(hash ^ byte, 0x01000193);
    return (hash >>> 0).toString(36);
}

class SessionEnd extends HTMLElement {
    connectedCallback() {
        this.dialog = this.querySelector("dialog");
        this.life = Number(this.dataset.seconds) * 1000;
        this.key = `used ${this.dataset.home}`;
        this.session = tag(this.querySelector("[name=csrf]").value);
        this.querySelector("form[method=dialog]").addEventListener("submit", (event) => {
            event.preventDefault();
            this.stay();
        });
        // Escape is no answer: it would leave nobody warned.
        this.dialog.addEventListener("cancel", (event) => event.preventDefault());
        document.addEventListener("visibilitychange", () => this.look());
        this.used();
        this.timer = setInterval(() => this.look(), 1000);
    }

    // Where a browser keeps nothing, each tab counts for itself.
    used() {
        this.last = Date.now();
        try {
            localStorage.setItem(this.key, `${this.session} ${this.last}`);
        } catch {}
    }

    // Whose use of the console was the last, and when.
    latest() {
        let kept = null;
        try {
            kept = localStorage.getItem(this.key);
        } catch {}
        const [session, last] = (kept ?? "").split(" ");
        return { own: kept === null || session === this.session, last: Number(last) || 0 };
    }

    left() {
        const { own, last } = this.latest();
        return Math.max(this.last, own ? Math.min(Date.now(), last) : 0) + this.life - Date.now();
    }

    look() {
        const left = this.left();
        if (left <= 0) this.end();
        else if (left <= WARNING) this.warn(left);
        else if (this.dialog.open) this.dialog.close();
    }

    warn(left) {
        const seconds = Math.ceil(left / 1000);
        const words = seconds > 60 ? `${Math.ceil(seconds / 60)} minutes` : `${seconds} ${seconds === 1 ? "second" : "seconds"}`;
        this.querySelector("[role=timer]").textContent = words;
        if (!this.dialog.open) this.dialog.showModal();
    }

    // Only an answer of the console itself keeps the session: a detour leads to the sign-in.
    async stay() {
        if (!this.latest().own) return this.end();
        const answer = await fetch(this.dataset.home, { method: "HEAD", redirect: "manual" }).catch(() => null);
        if (!answer) return;
        if (!answer.ok) return this.end();
        this.used();
        this.dialog.close();
    }

    end() {
        clearInterval(this.timer);
        // The session of this page is over, and somebody else's must not end with it.
        if (!this.latest().own) return location.replace(this.dataset.home);
        const form = this.querySelector("form[method=post]");
        form.elements.idle.value = "yes";
        form.submit();
    }
}

// A page that browsers keep for the button "Back" must not show again what is shown once.
addEventListener("pagehide", () => {
    for (const shown of document.querySelectorAll("[data-once]")) {
        shown.textContent = "This was shown once, and can’t be shown again.";
    }
});

customElements.define("session-end", SessionEnd);
