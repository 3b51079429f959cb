#!/usr/bin/env bash
# Writes the generated part of each client anew, from docs/openapi.json.
# Usage: clients/generate.sh [typescript] [python] [java] [csharp]   without arguments: all four
set -euo pipefail
cd "$(dirname "$0")/.."

openapi_typescript=openapi-typescript@7.13.0
typescript=typescript@5.9.3
openapi_python_client=openapi-python-client==0.29.1
ruff=ruff==0.17.6
openapi_generator=openapi-generator-cli==7.26.0

tools="$PWD/target/ci-tools/clients"
input="$PWD/target/clients"
mkdir -p "$tools" "$input"
python3 clients/describe.py docs/openapi.json "$input"

python_tool() { # PACKAGE==VERSION…
    [ -x "$tools/python/bin/pip" ] || python3 -m venv "$tools/python"
    local package installed
    installed=$("$tools/python/bin/pip" freeze)
    for package in "$@"; do
        grep -qixF "$package" <<<"$installed" || "$tools/python/bin/pip" install --quiet "$package"
    done
}

# OpenAPI Generator is a Java program; its jar is in the Python package of the same version.
openapi_generator() { # ARGUMENT…
    python_tool "$openapi_generator"
    local jar log="$input/openapi-generator.log"
    jar=$(find "$tools/python" -name openapi-generator.jar)
    java -jar "$jar" generate --input-spec "$input/simple.json" \
        --global-property apiTests=false,modelTests=false,apiDocs=false,modelDocs=false "$@" >"$log" 2>&1 || { cat "$log" >&2; return 1; }
}

idempotent_paths() { # BEFORE AFTER   each path on a line of its own, in quotes
    sed "s|.*|$1\"&\"$2|" "$input/idempotent.txt"
}

typescript_client() {
    local out=clients/typescript/src/rest
    if ! grep -qsF "\"version\": \"${openapi_typescript##*@}\"" "$tools/node_modules/openapi-typescript/package.json"; then
        npm install --prefix "$tools" --no-audit --no-fund --silent "$openapi_typescript" "$typescript"
    fi
    rm -rf "$out" && mkdir -p "$out"
    "$tools/node_modules/.bin/openapi-typescript" "$input/integrator.json" --output "$out/schema.ts" >/dev/null
    {
        echo "/** Paths of the POST operations that take \`Idempotency-Key\`. */"
        echo "export const IDEMPOTENT_POSTS: readonly string[] = ["
        idempotent_paths "  " ","
        echo "];"
    } >"$out/idempotent.ts"
}

python_client() {
    local out=clients/python/src/systembruker/rest
    python_tool "$openapi_python_client" "$ruff"
    rm -rf "$out"
    PATH="$tools/python/bin:$PATH" "$tools/python/bin/openapi-python-client" generate --path "$input/answers.json" --meta none \
        --output-path "$out" --config clients/python/generator.yaml --fail-on-warning >"$input/python.log" 2>&1 \
        || { cat "$input/python.log" >&2; return 1; }
    {
        echo '"""Paths of the POST operations that take `Idempotency-Key`."""'
        echo
        echo "IDEMPOTENT_POSTS = ("
        idempotent_paths "    " ","
        echo ")"
    } >"$out/idempotent.py"
}

java_client() {
    local out=clients/java/rest
    rm -rf "$out" "$input/java"
    openapi_generator --generator-name java --library native --output "$input/java" \
        --additional-properties=invokerPackage=no.systembruker.rest,apiPackage=no.systembruker.rest.api,modelPackage=no.systembruker.rest.model,hideGenerationTimestamp=true,openApiNullable=false,useJakartaEe=true
    mkdir -p "$out" && cp -r "$input/java/src/main/java/." "$out/"
    {
        echo "package no.systembruker.rest;"
        echo
        echo "import java.util.Set;"
        echo
        echo "/** Paths of the POST operations that take {@code Idempotency-Key}. */"
        echo "public final class IdempotentPosts {"
        echo "    public static final Set<String> PATHS = Set.of("
        idempotent_paths "        " "," | sed '$s/,$/);/'
        echo
        echo "    private IdempotentPosts() {}"
        echo "}"
    } >"$out/no/systembruker/rest/IdempotentPosts.java"
}

csharp_client() {
    rm -rf clients/csharp/src "$input/csharp"
    openapi_generator --generator-name csharp --library httpclient --output "$input/csharp" \
        --additional-properties=packageName=Systembruker.Client,packageVersion=0.1.0,targetFramework=net8.0,licenseId=MIT,packageTitle=systembruker,packageDescription="Client of systembruker"
    cp -r "$input/csharp/src/Systembruker.Client" clients/csharp/src
}

[ $# -gt 0 ] || set -- typescript python java csharp
for language in "$@"; do
    case "$language" in
    typescript | python | java | csharp) "${language}_client" ;;
    *)
        echo "usage: $0 [typescript] [python] [java] [csharp]" >&2
        exit 2
        ;;
    esac
done
