"""What pages of ours have in common: their look and their icon. They load nothing, and run no script."""

ICON = (
    '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 16 16"><path fill="#1f4e79" d="M8 0l4 5v11H4V5z"/>'
    '<circle cx="8" cy="7" r="2" fill="#fff"/></svg>'
)
"""A belfry and its clock."""

STYLE = """
body { font: 1.05rem/1.5 system-ui, sans-serif; max-width: 60rem; margin: 0 auto; padding: 1rem; color: #1b1b1b;
  background: #fff }
a { color: #1f4e79 } table { border-collapse: collapse; width: 100% }
th, td { text-align: left; vertical-align: top; padding: .4rem .6rem; border-bottom: 1px solid #999 }
code { font-size: .95em; overflow-wrap: anywhere }
"""
