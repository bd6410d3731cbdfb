"""How the page of a report looks, on screens of any width and on paper."""

STYLE = """
h1 { line-height: 1.2; overflow-wrap: anywhere } h2 { margin: 2rem 0 .3rem }
.outcome { border-left: .4rem solid #1f4e79; background: #eef3f8; padding: .6rem 1rem; margin: 1rem 0 }
.failed .outcome { border-color: #a1201a; background: #fbeeed } .outcome p { margin: .2rem 0 }
.bar { display: flex; height: 1.2rem; background: #ddd; margin: .6rem 0; gap: 2px } .bar span { min-width: 3px }
.wide { overflow-x: auto } td, th { overflow-wrap: break-word } thead th { border-bottom-width: 2px }
tbody th { font-weight: 600 } .number { text-align: right; white-space: nowrap; font-variant-numeric: tabular-nums }
.rows tbody th::before { content: ""; display: inline-block; width: .8em; height: .8em; margin-right: .5em }
.bar .a, .rows tr:nth-child(1) th::before { background: #1f4e79 }
.bar .b, .rows tr:nth-child(2) th::before { background: #b3541e }
.bar .c, .rows tr:nth-child(3) th::before { background: #6b6b6b }
tr.total th, tr.total td { border-top: 2px solid #1b1b1b; font-weight: 600 } footer { margin-top: 2rem; color: #555 }
thead .number { white-space: normal } thead th { vertical-align: bottom } code span { white-space: nowrap }
.few, .bar { max-width: 42rem }
@media (max-width: 58rem) {
  body { font-size: 1rem } th, td { padding: .3rem .35rem } table { font-size: .95rem }
  .many thead { position: absolute; left: -100rem } .many tbody, .many tr, .many th, .many td { display: block; border: 0 }
  .many tbody tr { border-bottom: 1px solid #999; padding: .4rem 0 } .many td:empty { display: none }
  .many td { display: flex; gap: .6rem; text-align: left; white-space: normal; padding: .1rem .35rem }
  .many td::before { content: attr(data-head); flex: 0 0 7rem; color: #555 }
}
@media print { body { max-width: none } .bar span { print-color-adjust: exact } }
"""
"""What it has besides what every page of ours has."""
