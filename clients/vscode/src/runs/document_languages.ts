import { type Disposable, languages, type TextDocument, workspace } from "vscode";

const LANGUAGES = new Map([
  ["report", "markdown"],
  ["prompt", "markdown"],
  ["log", "log"],
  ["diff", "diff"],
  ["sarif", "json"],
]);

/** The server's documents of a run and of its units have names without an ending, so VS Code is told what is in them. */
export class DocumentLanguages implements Disposable {
  private readonly subscription = workspace.onDidOpenTextDocument((document) => this.look(document));

  dispose(): void {
    this.subscription.dispose();
  }

  private look(document: TextDocument): void {
    const { scheme, path, query } = document.uri;
    // Those with a query are files of the checkout, with their own endings.
    const language = scheme === "fanout" && query === "" ? LANGUAGES.get(path.split("/").at(-1) ?? "") : undefined;
    if (language !== undefined && document.languageId !== language) {
      void languages.setTextDocumentLanguage(document, language);
    }
  }
}
