// Search where the site is read from a disk: a browser starts no worker and reads no JSON there, so
// the index is a script (tools/docs_search.py writes it) and the page itself searches in it. It takes
// the place of `Worker`, which mkdocs' search/main.js makes; elsewhere it does nothing.
if (window.location.protocol === "file:") {
  window.Worker = class {
    constructor() {
      this.documents = new Map();
      this.load("search/lunr.js", () => this.load("search/search_index.js", () => this.begin()));
    }

    load(path, then) {
      const script = document.createElement("script");
      script.src = joinUrl(base_url, path);
      script.onload = then;
      document.head.append(script);
    }

    begin() {
      const { config, docs } = window.searchIndex;
      lunr.tokenizer.separator = new RegExp(config.separator);
      const documents = this.documents;
      this.index = lunr(function () {
        this.field("title");
        this.field("text");
        this.ref("location");
        for (const page of docs) {
          this.add(page);
          documents.set(page.location, { ...page, summary: page.text.substring(0, 200) });
        }
      });
      this.onmessage({ data: { config } });
      this.onmessage({ data: { allowSearch: true } });
    }

    postMessage({ query }) {
      if (query) {
        const found = this.index.search(query).map((result) => this.documents.get(result.ref));
        this.onmessage({ data: { results: found } });
      }
    }
  };
}
