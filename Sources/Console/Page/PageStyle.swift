/// The looks of a page, light or dark as the reader has it, and on paper.
enum PageStyle {
  static let sheet = """
    :root{--paper:#fdfdfc;--ink:#1d2127;--dim:#626b76;--line:#e2e5e9;--panel:#f4f5f7;--link:#1c5fa8;\
    --verb:#1c5fa8;--key:#6b4fa0;--string:#1d7044;--number:#a3470a;--comment:#717a85;--name:#8a3a6c;\
    --error:#a61b1b;--error-panel:#fdf0ef;--warning:#855b00;--warning-panel:#fcf6e6}
    @media (prefers-color-scheme:dark){:root{--paper:#14171c;--ink:#e4e7eb;--dim:#9aa4af;--line:#2b3139;\
    --panel:#1b1f26;--link:#7db4f2;--verb:#7db4f2;--key:#bda2ec;--string:#79cf9f;--number:#f0a36b;\
    --comment:#8a94a0;--name:#eb9bc9;--error:#ff9c94;--error-panel:#2c1a1a;--warning:#e9c46a;--warning-panel:#292416}}
    *{box-sizing:border-box}
    body{margin:0;background:var(--paper);color:var(--ink);font:16px/1.6 system-ui,sans-serif}
    main{max-width:52rem;margin:0 auto;padding:2.5rem 1.25rem 1rem}
    section{margin:0 0 1.5rem}
    h1{font-size:1.9rem;line-height:1.25;margin:0 0 1rem}
    h2{font-size:1.3rem;margin:2rem 0 .6rem}
    .text p,.text ul,.text ol{margin:.7rem 0}
    a{color:var(--link)}
    code,pre{font-family:ui-monospace,SFMono-Regular,Menlo,Consolas,monospace;font-size:.875rem}
    .text code{background:var(--panel);border-radius:4px;padding:.1em .3em}
    pre{margin:.6rem 0;padding:.8rem 1rem;border-radius:8px;overflow-x:auto;line-height:1.5}
    .code{background:var(--panel);border:1px solid var(--line)}
    .code .comment{color:var(--comment);font-style:italic}
    .code .keyword,.code .verb{color:var(--verb);font-weight:600}
    .code .key{color:var(--key)}.code .label,.code .variable{color:var(--name)}
    .code .string{color:var(--string)}.code .number{color:var(--number)}
    .output{border-left:3px solid var(--line);padding-left:1rem;margin:.6rem 0}
    .report{margin:.6rem 0}.report header{font-size:.9rem}
    summary{cursor:pointer;font-size:.9rem}
    .report p{margin:.3rem 0;font-size:.95rem}
    .dim,.skipped{color:var(--dim);font-size:.88rem}.arm{color:var(--name);font-weight:600}
    .skipped{font-style:italic}
    .note{color:var(--dim);font-size:.88rem}
    .value{font-weight:600;margin:.4rem 0}
    .written{background:var(--panel);white-space:pre-wrap}
    .error{background:var(--error-panel);color:var(--error)}
    .warning{background:var(--warning-panel);color:var(--warning)}
    .scroll{overflow:auto;max-height:26rem;margin:.5rem 0;background:
      linear-gradient(var(--paper) 40%,transparent) top/100% 2rem no-repeat local,
      linear-gradient(transparent,var(--paper) 60%) bottom/100% 2rem no-repeat local,
      linear-gradient(transparent,var(--line)) bottom/100% .5rem no-repeat scroll}
    .chart{overflow-x:auto}
    table{border-collapse:collapse;font-size:.88rem;font-variant-numeric:tabular-nums}
    th,td{padding:.28rem .9rem .28rem 0;text-align:left;border-bottom:1px solid var(--line);white-space:nowrap}
    th{color:var(--dim);font-weight:500;position:sticky;top:0;background:var(--paper)}
    .number{text-align:right}
    svg{display:block;margin:.6rem 0;max-width:100%;height:auto}
    footer{max-width:52rem;margin:0 auto;padding:1rem 1.25rem 3rem;color:var(--dim);font-size:.82rem}
    @media(max-width:40rem){.chart svg{max-width:none;width:36rem}}
    @media print{.scroll{max-height:none}pre{white-space:pre-wrap}}
    """
}
