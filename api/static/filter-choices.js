// <input data-filter="id">: shows only the choices of a group whose words have the typed text. Chosen ones stay.
const plain = (text) => text.normalize("NFD").replace(/\p{M}/gu, "").toLowerCase().trim();

for (const box of document.querySelectorAll("input[data-filter]")) {
  const group = document.getElementById(box.dataset.filter);
  const wasOpen = new Map([...group.querySelectorAll("details")].map((part) => [part, part.open]));

  const filter = () => {
    const wanted = plain(box.value);
    for (const choice of group.querySelectorAll(".choice:not(.keep)")) {
      choice.hidden = wanted !== "" && !choice.querySelector("input").checked && !plain(choice.textContent).includes(wanted);
    }
    for (const part of group.querySelectorAll("details")) {
      const left = part.querySelector(".choice:not([hidden], .keep)");
      part.hidden = !left;
      part.open = wanted === "" ? wasOpen.get(part) : Boolean(left);
    }
  };

  box.closest(".field").hidden = false;
  box.addEventListener("input", filter);
  box.addEventListener("keydown", (event) => {
    if (event.key === "Enter") event.preventDefault(); // it would send the form
  });
}
