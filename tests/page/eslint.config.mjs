// What the page's scripts keep to: nothing that parses markup or code, nothing left unused, small functions.

import js from "@eslint/js";
import globals from "globals";

const markup = ["innerHTML", "outerHTML", "insertAdjacentHTML", "setHTMLUnsafe", "srcdoc"].map((property) => ({ property, message: "The page parses no markup." }));

export default [
  js.configs.recommended,
  {
    files: ["**/*.js"],
    languageOptions: { ecmaVersion: 2024, sourceType: "module", globals: globals.browser },
    rules: {
      "no-eval": "error", "no-implied-eval": "error", "no-new-func": "error", eqeqeq: "error", "no-var": "error", "prefer-const": "error",
      complexity: ["error", 20], "max-lines-per-function": ["error", { max: 75, skipComments: true, skipBlankLines: true }], "max-lines": ["error", 450],
      "no-console": "error", "no-alert": "error", "no-shadow": "error", "no-param-reassign": "error",
      "no-restricted-properties": ["error", ...markup, { object: "document", property: "write", message: "The page parses no markup." }],
      "no-restricted-globals": ["error", { name: "localStorage", message: "The page keeps nothing on the machine." }],
    },
  },
];
