" Plan documents: a header in YAML, an instruction in Markdown with {variables}, a list of units.
if exists("b:current_syntax")
  finish
endif

runtime! syntax/markdown.vim
unlet! b:current_syntax
syntax include @fanoutYaml syntax/yaml.vim
unlet! b:current_syntax

syntax region fanoutHeader matchgroup=fanoutFence start=/\%^---\s*$/ end=/^---\s*$/ contains=@fanoutYaml,fanoutVariable fold keepend
syntax match fanoutVariable /{\%({\)\@!\h\w*}/ containedin=ALLBUT,fanoutFence
syntax match fanoutItem /^\s*[-*+]\s\+\S.*$/ contains=fanoutMarker,fanoutNote,fanoutLines,fanoutVariable
syntax match fanoutMarker /^\s*[-*+]\ze\s/ contained
syntax match fanoutNote /:\s\zs.*$/ contained
syntax match fanoutLines /:\d\+\%(-\d\+\)\?\|#\k\+\%(\.\k\+\)*/ contained

highlight default link fanoutFence Delimiter
highlight default link fanoutVariable Identifier
highlight default link fanoutItem String
highlight default link fanoutMarker Delimiter
highlight default link fanoutNote Comment
highlight default link fanoutLines Number

let b:current_syntax = "fanout"
