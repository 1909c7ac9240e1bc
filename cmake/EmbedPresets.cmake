# cmake -D FILES=a.toml;b.toml -D OUT=presets.inc -P EmbedPresets.cmake
# Writes one {name, text}, per file, for src/policy/presets.cc.
set(text "")
list(SORT FILES)
foreach(file IN LISTS FILES)
  get_filename_component(name ${file} NAME_WE)
  file(READ ${file} content)
  string(APPEND text "Preset{.name = \"${name}\", .text = R\"preset(${content})preset\"},\n")
endforeach()
file(WRITE ${OUT} "${text}")
