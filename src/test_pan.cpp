// The test card numbers that payment providers publish. They are issued to nobody;
// tests/vectors/test_pans.txt holds the same numbers with the provider and the brand of each.
//
//   Stripe: https://docs.stripe.com/testing
//   Adyen: https://docs.adyen.com/development-resources/test-cards-and-credentials/test-card-numbers
//   Braintree: https://developer.paypal.com/braintree/docs/reference/general/testing
//   PayPal: https://developer.paypal.com/tools/sandbox/card-testing/
//   Worldpay: https://developer.worldpay.com/docs/access-worldpay/testing/payments-test-values/
//   Authorize.Net: https://developer.authorize.net/hello_world/testing_guide.html
//   Mastercard Gateway:
//   https://developer.mastercard.com/mastercard-gateway/documentation/testing/test-cards/test-card-numbers/
//   Billwerk+: https://optimize-docs.billwerk.com/docs/testing
//   Paystack: https://paystack.com/docs/payments/test-payments/
//   Interswitch: https://docs.interswitchgroup.com/docs/test-cards
//   YooKassa: https://yookassa.ru/developers/payment-acceptance/testing-and-going-live/testing
//   Cashfree: https://www.cashfree.com/docs/payments/online/resources/sandbox-environment
//   iyzico: https://docs.iyzico.com/en/getting-started/preliminaries/test-cards
#include <algorithm>
#include <array>

#include "issuer.h"

namespace cardscrub {

namespace {

// Sorted; no card number starts with 0, so the number as an integer says how many digits it has.
constexpr std::array<uint64_t, 136> kTestPans = {
    4007000000027u,       4012888818888u,       4911830000000u,       36006666333344u,
    36148900647913u,      36227206271667u,      36259600000004u,      36700102000000u,
    38000000000006u,      38520000009814u,      135410014004955u,     343434343434343u,
    370000000000002u,     371449635398431u,     371881127160004u,     371881245560002u,
    371881634498004u,     371881911767006u,     374101000000608u,     374251018720018u,
    374251021090003u,     376680816376961u,     378282246310005u,     378734493671000u,
    2200000000000004u,    2202474301322987u,    2221000000000009u,    2222400010000008u,
    2222400030000004u,    2222400060000007u,    2222410740360010u,    2223000000000007u,
    2223000000000023u,    2223000048400011u,    2223000048410010u,    2223003122003222u,
    2223520443560010u,    3056930009020004u,    3528000700000000u,    3530111333300000u,
    3566002020360505u,    3569990010095841u,    4000000000000002u,    4000000000000069u,
    4000000000000077u,    4000000000000101u,    4000000000000119u,    4000000000000127u,
    4000000000000341u,    4000000000003063u,    4000000000003220u,    4000000000009979u,
    4000000000009987u,    4000000000009995u,    4000002500003155u,    4000002760003184u,
    4000003800000446u,    4000056655665556u,    4000060000000006u,    4000111111111115u,
    4000180000000002u,    4000620000000007u,    4001590000000001u,    4005519200000004u,
    4009348888881881u,    4012000033330026u,    4012000077777777u,    4012888888881881u,
    4111111111111111u,    4111111145551142u,    4166676667666746u,    4217651111111119u,
    4242424242424242u,    4293189100000008u,    4400000000000008u,    4444333322221111u,
    4462030000000000u,    4500600000000061u,    4508750015741019u,    4646464646464644u,
    4772129056533503u,    4915805038587737u,    4917300800000000u,    4917610000000000u,
    4977949494949497u,    4988080000000000u,    4988438843884305u,    5019100000000006u,
    5063516945005047u,    5066991111111118u,    5100081112223332u,    5100290029002909u,
    5105105105105100u,    5111111111111118u,    5123450000000008u,    5136333333333335u,
    5163613613613613u,    5200828282828210u,    5424000000000015u,    5454545454545454u,
    5500000000000004u,    5555341244441115u,    5555444433331111u,    5555555555554444u,
    5577000055770004u,    5585558555855583u,    6011000000000012u,    6011000400000000u,
    6011000990139424u,    6011000991300009u,    6011111111111117u,    6011601160116611u,
    6011981111111113u,    6062820524845321u,    6062828888666688u,    6073849700004947u,
    6074825972083818u,    6200000000000005u,    6200000000000047u,    6250946000000016u,
    6250947000000014u,    6304000000000000u,    6370950000000005u,    6445644564456445u,
    6759649826438453u,    6771798021000008u,    6771798025000004u,    8171999927660000u,
    9792020000000001u,    9792072000017956u,    507850785078507812u,  4917610000000000003u,
    5060666666666666666u, 5060990580000217499u, 6205500000000000004u, 8171999900000000021u,
};
static_assert(std::is_sorted(kTestPans.begin(), kTestPans.end()));

}  // namespace

bool is_test_pan(Bytes digits) {
  if (digits.size() < 12 || digits.size() > 19 || digits[0] == 0) return false;
  uint64_t number = 0;
  for (const uint8_t digit : digits) number = number * 10 + digit;
  return std::binary_search(kTestPans.begin(), kTestPans.end(), number);
}

}  // namespace cardscrub
