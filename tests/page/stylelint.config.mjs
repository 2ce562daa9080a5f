// What the page's styles keep to, beside the standard.

export default {
  extends: "stylelint-config-standard",
  rules: {
    // One line for a short rule is easier to read.
    "declaration-block-single-line-max-declarations": null,
    "rule-empty-line-before": null,
    "no-descending-specificity": null,
    // Text goes from right to left too.
    "property-disallowed-list": ["/^(margin|padding|border)-(left|right|top|bottom)/", "left", "right", "width", "height", "/^(min|max)-(width|height)$/"],
    "custom-property-empty-line-before": null,
    "comment-empty-line-before": null,
    "value-keyword-case": ["lower", { ignoreKeywords: ["Consolas"] }],
  },
};
