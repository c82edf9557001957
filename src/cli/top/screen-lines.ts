import type { Paint } from "../terminal.ts";

/** A piece of text in one style. */
export interface Piece {
  readonly text: string;
  readonly style?: Parameters<Paint>[0] | undefined;
}

/** A column of a table. */
export interface Column<Row> {
  readonly title: string;
  /** Numbers stand right, words left. */
  readonly align?: "right";
  /** Left out first when the terminal is narrow; 0 (default) never is. */
  readonly expendable?: number;
  /** Characters that it has at least, so that columns stand still while numbers change. */
  readonly least?: number;
  cell(row: Row): Piece | string;
}

const GAP = "  ";

/** A line of pieces, cut at `width` characters. */
export function lineOf(pieces: readonly (Piece | string)[], width: number, paint: Paint): string {
  let left = width;
  let line = "";
  for (const piece of pieces) {
    const { text, style } = typeof piece === "string" ? { text: piece, style: undefined } : piece;
    const characters = [...text];
    const part = characters.length > left ? characters.slice(0, left).join("") : text;
    left -= Math.min(left, characters.length);
    line += style === undefined || part === "" ? part : paint(style, part);
    if (left === 0) break;
  }
  return line;
}

/** A table as lines, heading first. Columns that do not fit are left out, the most expendable first. */
export function tableLines<Row>(
  columns: readonly Column<Row>[],
  rows: readonly Row[],
  options: {
    readonly width: number;
    readonly paint: Paint;
    /** Row that is marked. */
    readonly selected?: number | undefined;
    /** Title of the column by which rows are sorted. */
    readonly sorted?: string | undefined;
  },
): readonly string[] {
  const { width, paint, selected, sorted } = options;
  const all = columns.map((column) => {
    const title = column.title === sorted ? `${column.title}▾` : column.title;
    const cells = rows.map((row) => pieceOf(column.cell(row)));
    const size = Math.max(
      title.length,
      column.least ?? 0,
      ...cells.map(({ text }) => [...text].length),
    );
    return { column, title, cells, size };
  });
  const shown = fitting(all, width - 2);
  const padded = (text: string, size: number, column: Column<Row>): string => {
    const space = " ".repeat(Math.max(0, size - [...text].length));
    return column.align === "right" ? space + text : text + space;
  };
  const head: Piece[] = shown.flatMap(({ title, size, column }, index) => [
    { text: `${index === 0 ? "  " : GAP}${padded(title, size, column)}`, style: "dim" },
  ]);
  const body = rows.map((_, row) => {
    const isSelected = row === selected;
    const pieces = shown.flatMap(({ cells, size, column }, index): Piece[] => {
      const { text, style } = cells[row] as Piece;
      const mark = isSelected ? "▸ " : "  ";
      return [
        { text: index === 0 ? mark : GAP, style: isSelected ? "cyan" : undefined },
        { text: padded(text, size, column), style },
      ];
    });
    return lineOf(pieces, width, paint);
  });
  return [lineOf(head, width, paint), ...body];
}

function fitting<T extends { readonly size: number; readonly column: { expendable?: number } }>(
  all: readonly T[],
  width: number,
): readonly T[] {
  let shown = [...all];
  const widthOf = (): number => shown.reduce((sum, { size }) => sum + size + GAP.length, 0);
  while (widthOf() - GAP.length > width) {
    const most = Math.max(...shown.map(({ column }) => column.expendable ?? 0));
    if (most === 0) break;
    shown = shown.filter(({ column }) => (column.expendable ?? 0) < most);
  }
  return shown;
}

function pieceOf(cell: Piece | string): Piece {
  return typeof cell === "string" ? { text: cell } : cell;
}
