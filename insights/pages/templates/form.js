
// The link to the page, to copy.
(() => {
  "use strict";
  const button = document.getElementById("copy-link");
  const note = document.getElementById("copied");
  button.hidden = false;
  button.addEventListener("click", async () => {
    const address = new URL(button.dataset.address, location.href).href;
    const copied = await navigator.clipboard.writeText(address).then(() => true, () => false);
    note.textContent = copied ? "Copied. It opens on this computer, while this server runs." : "Copy the address of this page instead.";
  });
})();
