# Appended to nginx's Makefile: our objects are C++20, with warnings as strict as the library's; nginx's headers count as system
# headers. CFLAGS of nginx are C flags; the file of module names that configure generates stays C.

cardscrub_root=$ngx_addon_dir
cardscrub_warn="-Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wsign-conversion -Wold-style-cast -Wnon-virtual-dtor -Woverloaded-virtual -Wcast-align -Wformat=2 -Wundef -Werror"
cardscrub_nginx=
for d in src/core src/event src/event/modules src/event/quic src/os/unix src/http src/http/modules src/http/v2 \
         src/http/v3 src/stream src/mail $NGX_OBJS; do
    if test -d $d; then cardscrub_nginx="$cardscrub_nginx -isystem $d"; fi
done

for cardscrub_file in $cardscrub_root/ngx_module/*.cpp; do
    cardscrub_object=$NGX_OBJS/addon/ngx_module/`basename $cardscrub_file .cpp`.o
    cat << END >> $NGX_MAKEFILE
$cardscrub_object: CFLAGS := \$(filter-out -Werror=implicit-function-declaration,\$(CFLAGS)) -std=c++20 \
-fvisibility=hidden $cardscrub_warn -I$cardscrub_root $cardscrub_nginx $CARDSCRUB_CFLAGS
END
done

# A new library means a new link, not new objects.
echo "$NGX_OBJS/ngx_http_cardscrub_module.so: ${CARDSCRUB_LIB:-$cardscrub_root/build/libcardscrub.a} $cardscrub_root/ngx_module/exports.map" >> $NGX_MAKEFILE
