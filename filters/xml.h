// XML 1.0 (W3C, fifth edition) in any content type: text/xml, application/xml, +xml, SOAP.
//
//   <card id="7">          scope "card": attribute "id" in it
//     <number>4111...</number>   the element's text is the value of leaf "number" in the scope "card"
//     <cvc>123</cvc>
//   </card>
//
// Names are compared without their namespace prefix. The text of an element is one value, whatever character
// references, CDATA sections, comments and processing instructions it is cut up by. All other text of the
// document is swept. Documents that declare entities are refused: nothing is ever expanded or fetched.
#pragma once

#include <memory>

#include "filters/filter.h"

namespace cardscrub {

// layer 0: the body itself.
std::unique_ptr<Filter> make_xml_filter(unsigned layer);

}  // namespace cardscrub
