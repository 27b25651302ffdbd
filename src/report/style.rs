//! How a page looks: wide and narrow, light and dark, on paper.

/// The style sheet. Colours are named once for light and once for dark pages, and meet WCAG AA in both. Drawings carry the light ones as
/// attributes, which are replaced by the names here; tables of class `cards` turn into cards where the window is narrow.
pub const STYLE: &str = "*{box-sizing:border-box}\
:root{color-scheme:light dark;--paper:#fff;--ink:#1c1c1c;--quiet:#555;--line:#ddd;--firm:#888;--one:#1f5fa8;--two:#b8500c;--faint:#e1e1e1;\
--soft:#f6f6f6;--hit:#e2f1e2;--heat:31,95,168}\
@media(prefers-color-scheme:dark){:root{--paper:#14171a;--ink:#e8e8e8;--quiet:#b0b6bc;--line:#343a40;--firm:#7a828a;--one:#74b3ff;--two:#ff9f61;\
--faint:#30363c;--soft:#1e2226;--hit:#1d3a24;--heat:116,179,255}}\
body{margin:0;font:16px/1.5 system-ui,sans-serif;color:var(--ink);background:var(--paper)}\
main{max-width:1120px;margin:0 auto;padding:1rem}\
h1{font-size:1.6rem;line-height:1.2;margin:.5rem 0;overflow-wrap:anywhere}\
h2{font-size:1.2rem;margin:2rem 0 .5rem;border-bottom:2px solid var(--one)}\
h3{font-size:1rem;margin:0 0 .25rem;overflow-wrap:anywhere}h4{font-size:.9rem;margin:.5rem 0 0;color:var(--quiet)}\
p{margin:.5rem 0;max-width:72ch;overflow-wrap:anywhere}.quiet{color:var(--quiet);font-size:.9rem}\
dl{display:grid;grid-template-columns:max-content 1fr;gap:.15rem 1rem;margin:.5rem 0}dt{color:var(--quiet)}dd{margin:0;overflow-wrap:anywhere}\
.scroll{overflow-x:auto}table{border-collapse:collapse;font-variant-numeric:tabular-nums;margin:.5rem 0}\
th,td{padding:.3rem .8rem;text-align:right;white-space:nowrap;border-bottom:1px solid var(--line);font-weight:400;vertical-align:top}\
th:first-child,td:first-child{text-align:left}thead th{border-bottom:2px solid var(--firm);font-weight:600}\
tbody th{font-weight:600}td small,th small{color:var(--quiet);font-weight:400}\
th .what{display:block;white-space:normal;max-width:34rem}th .way{white-space:nowrap;color:var(--quiet);font-weight:400;font-size:.85rem;margin-left:.5em}\
.win{font-weight:600}caption{text-align:left;color:var(--quiet);font-size:.9rem;padding-bottom:.3rem}\
thead th,tbody th{overflow-wrap:anywhere}thead th{white-space:normal;max-width:16rem}\
.charts{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,420px),1fr));gap:1.5rem;align-items:start;margin:.75rem 0}\
figure{margin:0;max-width:540px}figure svg{display:block;width:100%;height:auto}figcaption{font-size:.9rem;overflow-wrap:anywhere}\
svg [fill=\"#FFFFFF\"]{fill:var(--paper)}svg [stroke=\"#FFFFFF\"]{stroke:var(--paper)}\
svg [fill=\"#1C1C1C\"]{fill:var(--ink)}svg [stroke=\"#1C1C1C\"]{stroke:var(--ink)}\
svg [fill=\"#E1E1E1\"]{fill:var(--faint)}svg [stroke=\"#E1E1E1\"]{stroke:var(--faint)}\
svg [fill=\"#1F5FA8\"]{fill:var(--one)}svg [stroke=\"#1F5FA8\"]{stroke:var(--one)}\
svg [fill=\"#B8500C\"]{fill:var(--two)}svg [stroke=\"#B8500C\"]{stroke:var(--two)}\
.key{display:inline-block;width:.8em;height:.8em;margin:0 .3em 0 .4em;vertical-align:baseline}\
.key{border-radius:50%}.one{background:var(--one)}.two{border:2px solid var(--two)}.key:first-child{margin-left:0}\
.pair{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,460px),1fr));gap:0 2rem}.pair>section{min-width:0}\
.users{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,520px),1fr));gap:1rem}\
.user{border:1px solid var(--line);border-radius:.4rem;padding:.75rem;min-width:0}\
.sides{display:grid;grid-template-columns:repeat(3,minmax(0,1fr));gap:.75rem;font-size:.9rem}\
ol,ul{margin:.2rem 0;padding-left:1.6rem}li{overflow-wrap:anywhere}\
.hit{font-weight:600;background:var(--hit)}.hit::after{content:\" (found)\";font-weight:400}\
.had::after{content:\" (had before)\";color:var(--quiet)}\
pre{overflow-x:auto;background:var(--soft);padding:.75rem;font-size:.85rem}summary{cursor:pointer}\
td[style] small{color:var(--ink)}.tight th,.tight td{padding:.3rem .5rem}.tight th{white-space:normal;overflow-wrap:break-word}.right{outline:2px solid var(--one);outline-offset:-2px}\
.bars{display:grid;gap:.35rem 1rem;margin:.5rem 0;padding:0;list-style:none;max-width:1000px}\
.bars>li{display:grid;grid-template-columns:minmax(0,14rem) minmax(0,1fr) minmax(0,19rem);gap:.1rem 1rem;align-items:center}\
.bars .of{overflow-wrap:anywhere}.bars .says{font-variant-numeric:tabular-nums}\
.track{position:relative;display:block;height:1.1rem;background:var(--soft);border-radius:.2rem;overflow:hidden}\
.track span{position:absolute;top:0;bottom:0;display:block}.fill{background:var(--one)}.fill.less{background:var(--two)}\
.track .from0{width:2px;background:var(--firm)}.track .range{top:.45rem;bottom:.45rem;background:var(--ink);opacity:.75}\
.segments{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,440px),1fr));gap:1rem}\
.segment{border:1px solid var(--line);border-radius:.4rem;padding:.75rem;min-width:0}\
.segment .bars>li{grid-template-columns:minmax(0,1fr) minmax(0,7rem);font-size:.9rem}.segment .says{grid-column:1/-1;color:var(--quiet)}\
@media(max-width:700px){.sides{grid-template-columns:1fr}main{padding:.75rem}\
.bars>li{grid-template-columns:minmax(0,1fr);border-bottom:1px solid var(--line);padding-bottom:.35rem}\
.cards,.cards tbody,.cards tr,.cards td,.cards tbody th{display:block;width:100%;text-align:left}\
.cards thead{position:absolute;width:1px;height:1px;overflow:hidden;clip-path:inset(50%);white-space:nowrap}\
.cards tr{border:1px solid var(--line);border-radius:.4rem;padding:.5rem .6rem;margin:0 0 .6rem}\
.cards tbody th,.cards td{border:0;padding:.1rem 0;white-space:normal}\
.cards td{display:flex;justify-content:space-between;gap:1rem;text-align:right}.cards td:empty{display:none}\
.cards td::before{content:attr(data-label);color:var(--quiet);text-align:left;overflow-wrap:anywhere;min-width:0;unicode-bidi:isolate}\
.cards th .way{display:block;margin-left:0;white-space:normal}}\
@media print{.user,.segment,figure,tr{break-inside:avoid}}";
