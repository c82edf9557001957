import type { ComponentChildren } from "preact";

/** Named once more, because a style that makes blocks of rows takes the roles of tables away. */
const ROLE = {
  table: { role: "table" },
  rowgroup: { role: "rowgroup" },
  row: { role: "row" },
  columnheader: { role: "columnheader" },
  rowheader: { role: "rowheader" },
  cell: { role: "cell" },
} as const;

/** A column of a {@link DataTable}. */
export interface Column<Row> {
  readonly label: string;
  /** Explains the label. */
  readonly title?: string;
  /** Numbers stand at the right. `wide` and `medium`: left out where there is less room. */
  readonly look?: string;
  readonly cell: (row: Row) => ComponentChildren;
  /** Shown when the pointer rests on the cell. */
  readonly hint?: (row: Row) => string | undefined;
  /** Class of one cell. */
  readonly tone?: (row: Row) => string;
}

/** Rows under headings; where there is no room for columns, each row becomes a block of labelled values. */
export function DataTable<Row>(props: {
  /** What it lists, for screen readers. */
  readonly label: string;
  /** The first one heads its row. */
  readonly columns: readonly Column<Row>[];
  readonly rows: readonly Row[];
  readonly keyOf: (row: Row) => string;
  readonly look?: (row: Row) => string;
  /** Rows drawn; the rest is a count. */
  readonly countMax?: number;
}) {
  const { label, columns, rows, countMax = rows.length } = props;
  return (
    <>
      <table {...ROLE.table} aria-label={label}>
        <thead {...ROLE.rowgroup}>
          <tr {...ROLE.row}>
            {columns.map(({ label: name, title, look = "" }) => (
              <th key={name} {...ROLE.columnheader} scope="col" class={look} title={title}>
                {name}
              </th>
            ))}
          </tr>
        </thead>
        <tbody {...ROLE.rowgroup}>
          {rows.slice(0, countMax).map((row) => (
            <tr key={props.keyOf(row)} {...ROLE.row} class={props.look?.(row) ?? ""}>
              {columns.map((column, index) => (
                <Cell key={column.label} column={column} row={row} isHead={index === 0} />
              ))}
            </tr>
          ))}
        </tbody>
      </table>

      {rows.length > countMax && <p class="quiet">and {rows.length - countMax} more</p>}
    </>
  );
}

function Cell<Row>(props: {
  readonly column: Column<Row>;
  readonly row: Row;
  readonly isHead: boolean;
}) {
  const { column, row, isHead } = props;
  const { label, look = "", cell, hint, tone } = column;
  const classes = `${look} ${tone?.(row) ?? ""}`.trim();
  const content = cell(row);
  return isHead ? (
    <th {...ROLE.rowheader} scope="row" class={classes} title={hint?.(row)}>
      {content}
    </th>
  ) : (
    <td {...ROLE.cell} data-label={label} class={classes} title={hint?.(row)}>
      {content}
    </td>
  );
}
