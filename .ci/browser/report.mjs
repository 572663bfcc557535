// The checks of the report, one page that is opened from its file.
import { pathToFileURL } from "node:url";
import { LAPTOP, PHONE, listen } from "./book.mjs";
import { contrast, width } from "./inspect.mjs";

/** Checks the report in `file`, and returns what was checked, in words. */
export async function report(browser, file, fault) {
    let pictures = 0;
    for (const colorScheme of ["light", "dark"]) {
        for (const size of [PHONE, LAPTOP]) {
            const at = (text) => fault("report", `${colorScheme}, ${size.width} px: ${text}`);
            const context = await browser.newContext({ viewport: size, colorScheme });
            const page = await context.newPage();
            listen(page, at);
            await page.goto(pathToFileURL(file).href);
            await page.evaluate(() => document.querySelectorAll("details").forEach((fold) => (fold.open = true)));
            (await page.evaluate(width)).forEach(at);
            const what = { where: "body", except: "template", least: 4.5, smallest: 11 };
            (await page.evaluate(contrast, what)).forEach(at);
            pictures = await page.locator("svg[role=img]").count();
            await context.close();
        }
    }
    return `the report with ${pictures} pictures`;
}
