// Predictions. A blockquote that begins with "Predict." gets a field to write in. The answer is the first fold after it,
// up to the next heading or the next prediction. It opens once the reader has written something, or asks for it
// explicitly. What was written stays in this browser, and is shown beside the answer. Without this script the answer is
// an ordinary fold.
"use strict";

(() => {
    const WORDS = {
        starts: "Predict.",
        label: "Your prediction",
        show: "Show the answer",
        keep: "Keep it",
        anyway: "Open it anyway",
        first: "Write your prediction first. A wrong one teaches more than a right one.",
        empty: "Write something first: a word or a number will do.",
        kept: "Your prediction is kept in this browser.",
        not_kept: "This browser stores nothing for this page, so your prediction is lost when you leave it.",
        predicted: "You predicted:",
        forget: "Forget my predictions on this page",
        forgotten: "The predictions on this page are forgotten.",
    };

    // A browser may refuse the access to its store itself, not only the reading and the writing.
    const store = {
        get(key) {
            try {
                return JSON.parse(localStorage.getItem(key));
            } catch {
                return null;
            }
        },
        set(key, value) {
            try {
                localStorage.setItem(key, JSON.stringify(value));
                return true;
            } catch {
                return false;
            }
        },
        remove(key) {
            try {
                localStorage.removeItem(key);
            } catch {
                // Nothing was stored.
            }
        },
    };

    const element = (name, properties = {}, ...children) => {
        const made = Object.assign(document.createElement(name), properties);
        made.append(...children);
        return made;
    };

    const isPrediction = (block) =>
        block.matches("blockquote") &&
        block.querySelector(":scope > p:first-child > strong:first-child")?.textContent.trim() === WORDS.starts;

    const answerOf = (block) => {
        for (let next = block.nextElementSibling; next; next = next.nextElementSibling) {
            if (next.matches("details")) return next;
            if (next.matches("h1, h2, h3, h4, h5, h6") || isPrediction(next)) return null;
        }
        return null;
    };

    class Prediction {
        constructor(block, chapter, number) {
            this.key = `prediction/${chapter}/${number}`;
            // The question is stored too. If the chapter has changed, what was written belongs to no other question.
            this.question = block.textContent.replace(/\s+/g, " ").trim();
            this.answer = answerOf(block);
            this.isOpenAnyway = false;

            const id = `prediction-${chapter}-${number}`;
            this.field = element("textarea", { id, rows: 2, name: "prediction", autocomplete: "off" });
            this.submit = element("button", { type: "submit" }, this.answer ? WORDS.show : WORDS.keep);
            this.anyway = element("button", { type: "button", hidden: true }, WORDS.anyway);
            this.status = element("p", { className: "status", role: "status" });
            // On paper: what was written, or lines to write on.
            this.written = element("div", { className: "written" });
            this.form = element(
                "form",
                { className: "prediction" },
                element("label", { htmlFor: id }, WORDS.label),
                this.field,
                element("div", { className: "buttons" }, this.submit, this.anyway),
                this.status,
                this.written,
            );
            block.classList.add("predict");
            block.append(this.form);

            this.form.addEventListener("submit", (event) => {
                event.preventDefault();
                this.write();
            });
            this.field.addEventListener("keydown", (event) => {
                if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) this.form.requestSubmit();
            });
            this.anyway.addEventListener("click", () => this.openAnyway());

            if (this.answer) {
                this.beside = element("p", { className: "predicted", hidden: true });
                const summary = this.answer.querySelector(":scope > summary");
                summary.after(this.beside);
                summary.addEventListener("click", (event) => {
                    if (!this.isLocked || this.answer.open) return;
                    event.preventDefault();
                    if (this.field.value.trim()) this.write();
                    else this.ask(WORDS.first);
                });
            }
            const stored = store.get(this.key);
            this.show(stored?.question === this.question ? stored.text : "");
        }

        get isLocked() {
            return !this.text && !this.isOpenAnyway;
        }

        /// Shows the state in which `text` was written; an empty text means that nothing was.
        show(text) {
            this.text = typeof text === "string" ? text : "";
            this.field.value = this.text;
            this.field.readOnly = this.text !== "";
            this.submit.hidden = this.text !== "";
            this.anyway.hidden = true;
            this.written.textContent = this.text;
            if (this.answer) {
                this.answer.classList.toggle("locked", this.isLocked);
                this.beside.hidden = this.text === "";
                this.beside.replaceChildren(`${WORDS.predicted} `, element("q", {}, this.text));
            }
        }

        write() {
            const text = this.field.value.trim();
            if (!text) {
                this.ask(WORDS.empty);
                return;
            }
            const isKept = store.set(this.key, { question: this.question, text });
            this.show(text);
            this.status.textContent = isKept ? WORDS.kept : WORDS.not_kept;
            if (this.answer) this.openAnswer();
            else this.field.focus();
            document.dispatchEvent(new Event("predicted"));
        }

        /// Asks the reader to write something.
        ask(why) {
            this.status.textContent = why;
            this.anyway.hidden = !this.answer;
            this.field.focus();
        }

        openAnyway() {
            this.isOpenAnyway = true;
            this.anyway.hidden = true;
            this.status.textContent = "";
            this.answer.classList.remove("locked");
            this.openAnswer();
        }

        /// The button that was pressed is hidden now, so the focus moves to the answer.
        openAnswer() {
            this.answer.open = true;
            this.answer.querySelector(":scope > summary").focus();
        }

        forget() {
            store.remove(this.key);
            this.isOpenAnyway = false;
            this.status.textContent = "";
            if (this.answer) this.answer.open = false;
            this.show("");
        }
    }

    // A prediction's address is its chapter, by the id of its title, and its number in it. So it is the same on the
    // chapter's own page, on the first page of the book and on the page that prints all chapters.
    const main = document.querySelector("main");
    const predictions = [];
    let [chapter, number] = ["", 0];
    for (const block of main.querySelectorAll("h1, blockquote")) {
        if (block.matches("h1")) {
            [chapter, number] = [block.id, 0];
        } else if (isPrediction(block)) {
            number += 1;
            predictions.push(new Prediction(block, chapter, number));
        }
    }
    if (predictions.length === 0) return;

    const forget = element("button", { type: "button" }, WORDS.forget);
    const forgotten = element("span", { role: "status" });
    const isAnyWritten = () => predictions.some((prediction) => prediction.text);
    forget.hidden = !isAnyWritten();
    document.addEventListener("predicted", () => {
        forget.hidden = false;
        forgotten.textContent = "";
    });
    forget.addEventListener("click", () => {
        for (const prediction of predictions) prediction.forget();
        forget.hidden = true;
        forgotten.textContent = WORDS.forgotten;
    });
    main.append(element("p", { className: "page-tools" }, forget, forgotten));
})();
