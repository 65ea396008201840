// Warns before a console's session goes idle, and signs out when it does (U26, C8): what it showed does not
// stay on the screen. Every tab of the console counts as use of all of them. Without this file the server
// ends the session all the same, and the next page asks to sign in.
const WARNING = 150_000;

class SessionEnd extends HTMLElement {
    connectedCallback() {
        this.dialog = this.querySelector("dialog");
        this.life = Number(this.dataset.seconds) * 1000;
        this.key = `used ${this.dataset.home}`;
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
            localStorage.setItem(this.key, String(this.last));
        } catch {}
    }

    left() {
        let last = this.last;
        try {
            last = Math.max(last, Math.min(Date.now(), Number(localStorage.getItem(this.key)) || 0));
        } catch {}
        return last + this.life - Date.now();
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
        const answer = await fetch(this.dataset.home, { method: "HEAD", redirect: "manual" }).catch(() => null);
        if (!answer) return;
        if (!answer.ok) return this.end();
        this.used();
        this.dialog.close();
    }

    end() {
        clearInterval(this.timer);
        const form = this.querySelector("form[method=post]");
        form.elements.idle.value = "yes";
        form.submit();
    }
}

customElements.define("session-end", SessionEnd);
