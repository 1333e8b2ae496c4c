import type { BrowserContext, Locator } from "playwright-core";
import { until } from "../support/until.ts";

/** What the playground shows after Send. */
export interface Shown {
  /** Like `200 OK`. */
  status: string;
  body: Record<string, unknown>;
}

/** The web UI of Restate, as a person uses it: with a page for each thing to look at. */
export class RestateUi {
  readonly #context: BrowserContext;
  readonly #url: string;

  /** @param admin address of the admin API, whose `/ui/` it is */
  constructor(context: BrowserContext, admin: string) {
    this.#context = context;
    const url = new URL("/ui/", admin);
    // The ingress is advertised as localhost, too.
    url.hostname = "localhost";
    this.#url = url.href;
  }

  /** Finds the service among all on the first page, and opens the playground of one of its handlers. */
  async openPlayground(service: string, handler: string): Promise<Playground> {
    // A page that is open goes on asking the server, and drawing.
    for (const earlier of this.#context.pages().slice(1)) await earlier.close();
    const page = await this.#context.newPage();
    await page.goto(this.#url);
    const row = page.getByRole("row", { name: service });
    await row.getByRole("button", { name: /^Expand/ }).click();
    await page.getByRole("link", { name: `Open ${service}/${handler} in Playground`, exact: true }).click();
    const playground = new Playground(page.getByRole("dialog"));
    await playground.untilShown(handler);
    return playground;
  }

  /** The values that the State tab of an object shows under these state keys. */
  async statesOf(service: string, key: string, stateKeys: readonly string[]): Promise<unknown[]> {
    const page = await this.#context.newPage();
    await page.goto(this.#url);
    await page.getByRole("link", { name: "State", exact: true }).click();
    await page.getByRole("tab", { name: service, exact: true }).click();
    await page.getByRole("link", { name: `Virtual object instance ${service} / ${key}` }).click();
    await page.getByRole("tab", { name: "State", exact: true }).click();
    const values: unknown[] = [];
    for (const stateKey of stateKeys) {
      const row = page
        .getByRole("row")
        .filter({ has: page.getByRole("rowheader", { name: stateKey, exact: true }) });
      // For a moment it is there as it is stored, in base64.
      const value = await until("the state is shown as JSON", async () => {
        return { json: JSON.parse(await row.getByRole("gridcell").nth(1).innerText()) as unknown };
      });
      values.push(value.json);
    }
    await page.close();
    return values;
  }
}

/** The request form of a service's handlers. */
export class Playground {
  readonly #dialog: Locator;

  constructor(dialog: Locator) {
    this.#dialog = dialog;
  }

  /** Picks another handler in the list at the side. */
  async pick(handler: string): Promise<void> {
    await this.#dialog.locator(`a[href="#/operations/${handler}"]`).click();
    await this.untilShown(handler);
  }

  /** Picks a handler among those that are called without waiting for the answer. */
  async pickSend(handler: string): Promise<void> {
    const link = this.#dialog.locator(`a[href="#/operations/${handler}Send"]`);
    if (!(await link.isVisible())) await this.#dialog.getByText("Send", { exact: true }).click();
    await link.click();
    await this.#dialog.getByText(`/restate/send/`).first().waitFor();
  }

  async untilShown(handler: string): Promise<void> {
    await this.#dialog.getByRole("heading", { name: handler, level: 1, exact: true }).waitFor();
    await this.#editor().waitFor();
  }

  /** The texts about the handler and its fields. */
  async paragraphs(): Promise<string[]> {
    return this.#dialog.getByRole("paragraph").allInnerTexts();
  }

  /** The body as the form offers it. */
  async body(): Promise<string> {
    return this.#editor().inputValue();
  }

  async responseExample(): Promise<unknown> {
    const panel = this.#dialog.getByText("Response Example").locator("xpath=ancestor::*[.//pre][1]");
    // Its text has line numbers in between.
    return JSON.parse((await panel.locator("pre").getAttribute("aria-label")) ?? "");
  }

  /** Fills in the key, sends the body as it stands, and reads the answer. */
  async send(key: string): Promise<Shown> {
    await this.#dialog.getByRole("textbox", { name: "key", exact: true }).fill(key);
    await this.#dialog.getByRole("button", { name: "Send API Request" }).click();
    const response = this.#dialog.getByRole("region").nth(2);
    const status = await response.getByText(/^\d{3} /).innerText();
    return { status, body: JSON.parse(await response.getByRole("group").innerText()) };
  }

  /** Parameters, body and (once there is one) response are regions without a name, in this order. */
  #editor(): Locator {
    return this.#dialog.getByRole("region").nth(1).getByRole("textbox");
  }
}
