// The contrast of every text on a page, as WCAG 2.2 defines it (relative luminance).
() => {
  const channels = (colour) => colour.match(/[\d.]+/g).map(Number);
  const luminance = (colour) => {
    const [r, g, b] = colour.slice(0, 3).map((value) => {
      const share = value / 255;
      return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
    });
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const ground = (element) => {
    for (let one = element; one; one = one.parentElement) {
      const colour = channels(getComputedStyle(one).backgroundColor);
      if (colour.length === 3 || colour[3] === 1) return colour;
    }
    return [255, 255, 255];
  };
  return [...document.querySelectorAll("body *")]
    .filter((one) => one.checkVisibility() && [...one.childNodes].some(
      (node) => node.nodeType === Node.TEXT_NODE && node.data.trim()))
    .map((one) => {
      const pair = [luminance(channels(getComputedStyle(one).color)), luminance(ground(one))].sort((a, b) => b - a);
      return { text: one.textContent.trim().slice(0, 40), ratio: (pair[0] + 0.05) / (pair[1] + 0.05) };
    });
}
