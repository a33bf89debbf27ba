// The listener switcher acts at once; without a script its button does.
"use strict";
for (const select of document.querySelectorAll("select[data-submit]")) {
  select.addEventListener("change", () => select.form.submit());
}
