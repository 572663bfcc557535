// The checks of the built book. Each takes what it needs, and calls `fault(page, text)` for what it finds.
import { readdir, stat } from "node:fs/promises";
import { join } from "node:path";
import { chromium } from "playwright-core";
import { contrast, palette, width } from "./inspect.mjs";

export const PHONE = { width: 360, height: 780 };
export const LAPTOP = { width: 1280, height: 800 };
/** A4 without the margins that the theme sets, at 96 px an inch. */
const PAPER = { width: 680, height: 1009 };
const THEMES = ["light", "rust", "coal", "navy", "ayu"];
/** Bytes of HTML. The page that prints all chapters may have more. */
const HEAVIEST = 300_000;
const HEAVIEST_PRINT = 3_000_000;
/** Quoted code has the colours of mdBook's highlighters. */
const TEXT = { where: "main", except: "pre", least: 4.5, smallest: 11 };

export const launch = () =>
    // A container has no user namespaces for the sandbox. Only our own pages are opened.
    chromium.launch({ executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium", args: ["--no-sandbox"] });

/** The pages of the book in `folder`. `toc.html` is part of the others. */
export async function pagesOf(folder) {
    const files = await readdir(folder);
    return files.filter((file) => file.endsWith(".html") && file !== "toc.html").sort();
}

/** Calls `fault` for errors in the console and for requests that fail. */
export function listen(page, fault) {
    page.on("console", (message) => {
        if (message.type() === "error") fault(`the console says: ${message.text()}`);
    });
    page.on("pageerror", (error) => fault(`a script failed: ${error.message}`));
    page.on("requestfailed", (request) => {
        // Leaving a page aborts what it still loads.
        const { errorText } = request.failure();
        if (errorText !== "net::ERR_ABORTED") fault(`a request failed: ${request.url()}: ${errorText}`);
    });
}

/** Opens a page of the book, in a theme, with a store of its own. */
async function open(browser, url, { theme = "light", size = LAPTOP, options = {}, script, fault = () => {} } = {}) {
    const context = await browser.newContext({ viewport: size, ...options });
    if (options.javaScriptEnabled !== false) {
        // `print.html` opens the dialog for printing by itself.
        await context.addInitScript(
            ({ theme, isNarrow }) => {
                window.print = () => (window.printed = (window.printed ?? 0) + 1);
                try {
                    localStorage.setItem("mdbook-theme", theme);
                    if (isNarrow) localStorage.setItem("mdbook-sidebar", "hidden");
                } catch {
                    // A test of a browser without a store.
                }
            },
            { theme, isNarrow: size.width < 1000 },
        );
        if (script) await context.addInitScript(script);
    }
    const page = await context.newPage();
    listen(page, fault);
    await page.goto(url);
    return page;
}

/** Chooses a theme as a reader does, so that the colours of quoted code change too. Their style sheet is loaded then. */
async function setTheme(page, theme) {
    await page.evaluate((id) => document.getElementById(id).click(), `mdbook-theme-${theme}`);
    await page.waitForFunction(() =>
        [...document.querySelectorAll("link[rel=stylesheet]")].every((link) => link.disabled || link.sheet),
    );
}
const unfold = (page) =>
    page.evaluate(() => document.querySelectorAll("details").forEach((fold) => (fold.open = true)));

/**
 * How a page looks: by HTTP in a light theme on a laptop, and from the file in a dark theme on a phone. Returns its links
 * and its ids. The page that prints all chapters has the text of all others, so it alone is tried in all themes and on
 * paper.
 */
export async function looks(browser, bases, name, fault) {
    let found;
    for (const [base, theme, size] of [
        [bases.http, "light", LAPTOP],
        [bases.file, "navy", PHONE],
    ]) {
        const at = (text) => fault(name, `${base.slice(0, 4)}, ${theme}, ${size.width} px: ${text}`);
        const page = await open(browser, `${base}/${name}`, { theme, size, fault: at });
        (await page.evaluate(width)).forEach(at);
        await unfold(page);
        (await page.evaluate(width)).forEach(at);
        (await page.evaluate(contrast, TEXT)).forEach(at);
        found ??= await page.evaluate(() => ({
            links: [...document.querySelectorAll("a[href]")].map((link) => link.href.replace(location.origin, "")),
            ids: [...document.querySelectorAll("[id]")].map((element) => element.id),
        }));
        if (name === "print.html" && theme === "navy") await onPaper(page, (text) => fault(name, `on paper: ${text}`));
        await page.context().close();
    }
    return found;
}

/** The contrast in each of mdBook's themes, of a page that has all that the book prints. */
export async function themes(browser, base, name, fault) {
    const page = await open(browser, `${base}/${name}`);
    await unfold(page);
    for (const theme of THEMES) {
        await setTheme(page, theme);
        (await page.evaluate(contrast, TEXT)).forEach((text) => fault(name, `${theme}: ${text}`));
    }
    await page.context().close();
}

/** How a page that is open looks on paper. Its theme may be a dark one. */
async function onPaper(page, fault) {
    await page.emulateMedia({ media: "print" });
    await page.setViewportSize(PAPER);
    (await page.evaluate(width, true)).forEach(fault);
    (await page.evaluate(contrast, { ...TEXT, except: "template", smallest: 7 })).forEach(fault);
    const dark = await page.evaluate(() => {
        const luma = (element) => {
            const [red, green, blue, alpha = 1] = getComputedStyle(element).backgroundColor.match(/[\d.]+/g).map(Number);
            return alpha === 0 ? 255 : Math.min(red, green, blue);
        };
        const elements = [document.documentElement, ...document.querySelectorAll("main, main *:not(svg *)")].filter(
            (element) => element.checkVisibility(),
        );
        return [...new Set(elements.filter((element) => luma(element) < 200).map((element) => element.localName))];
    });
    if (dark.length > 0) fault(`a dark box: ${dark.join(", ")}`);
    await page.emulateMedia({ media: "screen" });
}

/** Links that lead nowhere, among those of all pages. `found` has the links and ids of each page. */
export function links(found, files, fault) {
    for (const [name, { links }] of found) {
        for (const link of new Set(links)) {
            if (!link.startsWith("/")) continue;
            const [file, place] = link.slice(1).split("#");
            const path = decodeURIComponent(file.split("?")[0]);
            const target = found.get(path);
            const isThere = target ? !place || target.ids.includes(decodeURIComponent(place)) : files.includes(path);
            if (!isThere) fault(name, `a link leads nowhere: ${link}`);
        }
    }
}

export async function weight(folder, name, fault) {
    const { size } = await stat(join(folder, name));
    const heaviest = name === "print.html" ? HEAVIEST_PRINT : HEAVIEST;
    if (size > heaviest) fault(name, `${size} bytes of HTML, and at most ${heaviest} are allowed`);
}

/** Without scripts every fold opens by a click, and nothing is left of what the scripts add. */
export async function withoutScripts(browser, base, name, fault) {
    const at = (text) => fault(name, `without scripts: ${text}`);
    const page = await open(browser, `${base}/${name}`, { options: { javaScriptEnabled: false }, fault: at });
    const closed = await page.evaluate(() => {
        const folds = [...document.querySelectorAll("main details")];
        for (const fold of folds) fold.querySelector(":scope > summary").click();
        return folds.filter((fold) => !fold.open || !fold.lastElementChild.checkVisibility()).map((fold) => fold.innerText);
    });
    for (const text of closed) at(`a fold does not open: ${text.slice(0, 40)}`);
    const questions = await page.evaluate(
        () => [...document.querySelectorAll("main blockquote")].filter((block) => block.innerText.startsWith("Predict.")).length,
    );
    await page.context().close();
    return questions;
}

/** Predictions: the answer is locked, then open, and what was written is kept. `questions` is their number. */
export async function predictions(browser, base, name, questions, fault) {
    const at = (text) => fault(name, `prediction: ${text}`);
    const page = await open(browser, `${base}/${name}`, { fault: at });
    const fields = page.getByLabel("Your prediction", { exact: true });
    if ((await fields.count()) !== questions) at(`${questions} questions, and ${await fields.count()} fields`);
    const state = (index) =>
        page.evaluate((index) => {
            const form = document.querySelectorAll("form.prediction")[index];
            let answer = form.closest("blockquote").nextElementSibling;
            while (answer && !answer.matches("details, h1, h2, h3, h4, h5, h6, .predict")) answer = answer.nextElementSibling;
            if (!answer?.matches("details")) return { hasAnswer: false, text: form.querySelector("textarea").value };
            answer.setAttribute("data-answer", index);
            return {
                hasAnswer: true,
                isOpen: answer.open,
                isLocked: answer.classList.contains("locked"),
                hasFocus: document.activeElement === form.querySelector("textarea"),
                status: form.querySelector("[role=status]").textContent,
                beside: answer.querySelector(".predicted").checkVisibility() ? answer.querySelector(".predicted").textContent : "",
                text: form.querySelector("textarea").value,
            };
        }, index);
    const summary = (index) => page.locator(`[data-answer="${index}"] > summary`);

    for (let index = 0; index < questions; index++) {
        const form = page.locator("form.prediction").nth(index);
        const at = (text) => fault(name, `prediction ${index + 1}: ${text}`);
        if ((await state(index)).hasAnswer) {
            await summary(index).click();
            const { isOpen, isLocked, hasFocus, status } = await state(index);
            if (isOpen || !isLocked) at("the answer opens before anything is written");
            if (!hasFocus || !status) at("a click on the locked answer does not lead to the field");
            if (!(await form.getByRole("button", { name: "Open it anyway" }).isVisible())) at("it cannot be opened anyway");
        }
        await form.getByRole("textbox").fill(`guess ${index}`);
        // Half of them by the keyboard alone.
        if (index % 2 === 0) await form.locator("[type=submit]").click();
        else await form.getByRole("textbox").press("Control+Enter");
        const { hasAnswer, isOpen, beside } = await state(index);
        if (hasAnswer && !isOpen) at("the answer stays closed after something is written");
        if (hasAnswer && !beside.includes(`guess ${index}`)) at("what was written is not beside the answer");
    }
    // A page hands what it stores to another process of the browser, and a reload may come before it has arrived there.
    // A second page of the same reader shows when it has.
    const other = await page.context().newPage();
    await other.goto(`${base}/${name}`);
    await other
        .waitForFunction(
            (number) => Object.entries(localStorage).filter(([key]) => key.startsWith("prediction/")).length === number,
            questions,
            { polling: 50, timeout: 10_000 },
        )
        .catch(() => at("what was written is not in the browser's store"));
    await other.close();
    await page.reload();
    for (let index = 0; index < questions; index++) {
        const { hasAnswer, isLocked, text } = await state(index);
        if (text !== `guess ${index}`) fault(name, `prediction ${index + 1}: what was written is lost on a reload`);
        if (hasAnswer && isLocked) fault(name, `prediction ${index + 1}: the answer is locked again after a reload`);
    }
    await page.getByRole("button", { name: "Forget my predictions on this page" }).click();
    await page.reload();
    for (let index = 0; index < questions; index++) {
        const { hasAnswer, isLocked, text } = await state(index);
        if (text || (hasAnswer && !isLocked)) fault(name, `prediction ${index + 1}: it is not forgotten`);
    }
    await page.context().close();
}

/** A browser may refuse its store. Predictions then work as long as the page is open. */
export async function withoutStore(browser, base, name, fault) {
    const at = (text) => fault(name, `without a store: ${text}`);
    const page = await open(browser, `${base}/${name}`, {
        fault: at,
        script: () =>
            Object.defineProperty(window, "localStorage", {
                get() {
                    throw new DOMException("refused", "SecurityError");
                },
            }),
    });
    const form = page.locator("form.prediction").first();
    await form.getByRole("textbox").fill("a guess");
    await form.locator("[type=submit]").click();
    if (!(await page.locator("details[open] > .predicted").first().isVisible())) at("the answer does not open");
    if (!(await form.locator("[role=status]").textContent()).includes("lost")) at("the page does not say so");
    await page.context().close();
}

/** The reader may open an answer without a prediction. */
export async function anyway(browser, base, name, fault) {
    const page = await open(browser, `${base}/${name}`);
    const answer = page.locator("details.locked").first();
    await answer.locator("> summary").click();
    await page.getByRole("button", { name: "Open it anyway" }).click();
    if ((await page.locator("main details[open]").count()) !== 1) fault(name, "prediction: it does not open anyway");
    await page.context().close();
}

/** The search finds `word`, and its first hit leads to a page that has it. */
export async function search(browser, base, word, fault) {
    const at = (text) => fault("index.html", `search, ${base.slice(0, 4)}: ${text}`);
    const page = await open(browser, `${base}/index.html`, { fault: at });
    try {
        await page.locator("#mdbook-search-toggle").click();
        await page.locator("#mdbook-searchbar").pressSequentially(word);
        await page.locator("#mdbook-searchresults a").first().click({ timeout: 10_000 });
        await page.waitForURL(/highlight=/, { timeout: 10_000 });
        const text = await page.locator("main").textContent();
        if (!text.toLowerCase().includes(word)) at(`the first hit for "${word}" is ${page.url()}, which lacks it`);
    } catch (error) {
        at(`"${word}" is not found: ${error.message.split("\n")[0]}`);
    }
    await page.context().close();
}

/** The print of the whole book for students has no answers and has lines to write on; that for teachers has all answers. */
export async function print(browser, base, questions, fault) {
    const at = (text) => fault("print.html", text);
    const state = (page) =>
        page.evaluate(() => {
            const folds = [...document.querySelectorAll("main details")].filter(
                (fold) => !fold.closest("figure, .claim"),
            );
            return {
                folds: folds.length,
                open: folds.filter((fold) => fold.open).length,
                shown: folds.filter((fold) => fold.lastElementChild.checkVisibility()).length,
                lines: [...document.querySelectorAll(".written:empty")].filter((lines) => lines.offsetHeight > 40).length,
                printed: window.printed ?? 0,
            };
        });
    const page = await open(browser, `${base}/print.html`, { theme: "coal", fault: at });
    await page.emulateMedia({ media: "print" });
    const students = await state(page);
    if (students.shown !== 0) at(`the print for students has ${students.shown} answers`);
    if (students.lines !== questions) at(`${questions} predictions, and lines to write on for ${students.lines}`);

    await page.emulateMedia({ media: "screen" });
    await page.waitForFunction(() => window.printed === 1);
    await page.getByRole("button", { name: "Print with answers" }).click();
    await page.emulateMedia({ media: "print" });
    const button = await state(page);
    if (button.printed !== 2 || button.shown !== button.folds) at("the button does not print all answers");
    await page.evaluate(() => window.dispatchEvent(new Event("afterprint")));
    if ((await state(page)).open !== 0) at("the answers stay open after printing");

    await page.goto(`${base}/print.html?answers`);
    const teachers = await state(page);
    if (teachers.folds === 0 || teachers.shown !== teachers.folds) {
        at(`the print for teachers has ${teachers.shown} of ${teachers.folds} answers`);
    }
    if (teachers.lines !== 0) at("the print for teachers has lines to write on");
    await page.context().close();
    return teachers.folds;
}

/** The colours that the theme sets for figures, in each of mdBook's themes and on paper. */
export async function colours(browser, base, name, fault) {
    const text = Object.fromEntries(["--fg", "--muted", "--accent", "--good", "--bad"].map((one) => [one, 4.5]));
    const marks = Object.fromEntries([1, 2, 3, 4, 5, 6].map((number) => [`--line-${number}`, 3]));
    const page = await open(browser, `${base}/${name}`);
    for (const media of ["screen", "print"]) {
        await page.emulateMedia({ media });
        for (const theme of THEMES) {
            await setTheme(page, theme);
            const faults = await page.evaluate(palette, { ...text, ...marks });
            faults.forEach((text) => fault(name, `${theme}, ${media}: ${text}`));
        }
    }
    await page.context().close();
}
