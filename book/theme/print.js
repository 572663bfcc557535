// Printing. Closed folds are not on paper, so a page as it is prints without its answers. The buttons of each page print
// it with them or without. An address that ends in `?answers` has all answers open; `print.html?answers` is the whole
// book for a teacher.
"use strict";

(() => {
    const main = document.querySelector("main");
    // The folds of figures and of claims are no answers: they contain the values behind a picture or a verdict.
    const folds = [...main.querySelectorAll("details")].filter((fold) => !fold.closest("figure, .claim"));

    const open = (withAnswers) => {
        document.documentElement.classList.toggle("with-answers", withAnswers);
        for (const fold of folds) fold.open = withAnswers;
    };

    const print = (withAnswers) => {
        const before = folds.map((fold) => fold.open);
        const wasWithAnswers = document.documentElement.classList.contains("with-answers");
        const restore = () => {
            document.documentElement.classList.toggle("with-answers", wasWithAnswers);
            folds.forEach((fold, index) => (fold.open = before[index]));
        };
        window.addEventListener("afterprint", restore, { once: true });
        open(withAnswers);
        window.print();
    };

    const button = (text, action) => {
        const made = document.createElement("button");
        made.type = "button";
        made.textContent = text;
        made.addEventListener("click", action);
        return made;
    };

    const tools = document.createElement("p");
    tools.className = "page-tools";
    const isWholeBook = /\/print(\.html)?$/.test(location.pathname);
    if (isWholeBook || folds.length > 0) {
        tools.append(
            button(isWholeBook ? "Print without answers" : "Print this page without answers", () => print(false)),
            button(isWholeBook ? "Print with answers" : "Print this page with answers", () => print(true)),
        );
    }
    if (isWholeBook) main.prepend(tools);
    else main.append(tools);

    if (new URLSearchParams(location.search).has("answers")) open(true);
})();
