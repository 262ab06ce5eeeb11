// <form data-draft="person name" data-draft-said="..." data-draft-clear="...">: what was typed survives a leave and a
// return of the same person in this tab. A draft ends when its form is sent.
const START = "authcheck-draft:";

for (const form of document.querySelectorAll("form[data-draft]")) {
  const key = START + form.dataset.draft;
  const fields = () => [...form.elements].filter(
    (field) => field.name && !["hidden", "file", "password", "submit"].includes(field.type),
  );
  const values = () => fields().map((field) => [field.name, field.value, "checked" in field ? field.checked : null]);
  const fresh = JSON.stringify(values());

  const restore = (saved) => {
    const left = [...saved];
    for (const field of fields()) {
      const place = left.findIndex(([name, value]) =>
        name === field.name && (!["checkbox", "radio"].includes(field.type) || value === field.value));
      if (place < 0) continue;
      const [[, value, checked]] = left.splice(place, 1);
      if (["checkbox", "radio"].includes(field.type)) field.checked = checked;
      else field.value = value;
    }
  };

  const say = () => {
    const line = document.createElement("p");
    line.className = "said draft";
    line.setAttribute("role", "status");
    line.append(form.dataset.draftSaid);
    const clear = document.createElement("button");
    clear.type = "button";
    clear.className = "button quiet small-button";
    clear.textContent = form.dataset.draftClear;
    clear.addEventListener("click", () => {
      sessionStorage.removeItem(key);
      restore(JSON.parse(fresh));
      line.remove();
      fields()[0]?.focus();
    });
    line.append(" ", clear);
    form.prepend(line);
  };

  try {
    const saved = sessionStorage.getItem(key);
    // A form that comes back with a problem has what was sent, which is newer than the draft.
    if (saved && saved !== fresh && !document.querySelector("main [role=alert]")) {
      restore(JSON.parse(saved));
      say();
    }
    form.addEventListener("input", () => sessionStorage.setItem(key, JSON.stringify(values())));
    form.addEventListener("submit", () => sessionStorage.removeItem(key));
  } catch {
    // A browser that refuses storage keeps no drafts. The form works without them.
  }
}
