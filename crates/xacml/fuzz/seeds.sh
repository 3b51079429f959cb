#!/usr/bin/env bash
# Fills the corpora with the conformance cases, and with some paths and values. Other inputs stay.
set -euo pipefail
cd "$(dirname "$0")"
cases=../tests/conformance/xacml-3.0
mkdir -p corpus/{policy_xml,request_xml,request_json,evaluation,values,xpath}
for policy in "$cases"/*/Policy.xml; do
    case=$(basename "$(dirname "$policy")")
    cp "$policy" "corpus/policy_xml/$case"
    for request in "$cases/$case"/Request.*; do
        target=request_${request##*.}
        cp "$request" "corpus/$target/$case"
        { cat "$policy"; printf '\0'; cat "$request"; } > "corpus/evaluation/$case-${request##*.}"
    done
done
for response in "$cases"/*/Response.*; do
    cp "$response" "corpus/request_${response##*.}/$(basename "$(dirname "$response")")-response"
done
printf '//a[1]\0<a><b k="1">t</b></a>' > corpus/xpath/element
printf '//comment()|//processing-instruction()\0<a><!--x--><?p q?></a>' > corpus/xpath/others
printf 'ancestor::*[last()]/following-sibling::node()\0<a><b/><c/></a>' > corpus/xpath/axes
number=0
for text in 2002-03-22T08:23:47-05:00 P1Y2M -P3DT4H 1.2.3.4/255.0.0.0:80-90 'CN=a+O=b, C=\2C no' a@B.c '*.x.org:1-' AbC== -INF 24:00:00 '[a-z-[aeiou]]+\p{Lu}\i\c*'; do
    number=$((number + 1))
    { printf "\\$(printf %o "$number")"; printf %s "$text"; } > "corpus/values/$number"
done
