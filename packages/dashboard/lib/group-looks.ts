/** How groups of runs are told apart: colours with a contrast of at least 3.8 to 1 on both themes, and dashes. */
const colors = ['#3f78e0', '#c9690f', '#2f9150', '#9a62d8', '#d9444f', '#128f95', '#cf4d94', '#8b8418'];
const dashes = ['', '7 3', '2.5 3', '10 3 2 3'];

export interface GroupLook {
  readonly color: string;
  /** As `stroke-dasharray`; empty: drawn through. */
  readonly dash: string;
}

/** Colour and mark of the nth group of a plot. */
export const groupLook = (index: number): GroupLook => ({
  color: colors[index % colors.length] as string,
  dash: dashes[index % dashes.length] as string,
});
