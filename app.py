"""The shop's API and Lambdas, in the order of a visit."""

from chalice.app import Response

import chalicelib.web.imports  # noqa: F401 - before all else
from chalicelib.flows import (
    apply_for_refund,
    ask_question,
    browse,
    change_contact,
    change_profile,
    check_captcha,
    checkout,
    claim_coupon,
    close_order,
    decide_refund,
    do_assignment,
    end_sessions,
    fill_cart,
    know_video,
    my_coupons,
    my_course,
    my_messages,
    my_study,
    overview,
    pay_wechat,
    play_section,
    preview_refund,
    quote,
    register,
    report_study,
    send_code,
    settle,
    show_marquee,
    show_order,
    sign_in,
    study,
    take_pushes,
    unsubscribe,
    use_code,
    waiting_refunds,
)
from chalicelib.flows.change_password import change_own_password
from chalicelib.flows.change_provider import change_provider
from chalicelib.shop import catalog, course_search, ledger, order, refund, session
from chalicelib.shop.one_time_code import Purpose
from chalicelib.shop.payment_type import ALIPAY
from chalicelib.web import (
    asked_responses,
    cart_responses,
    codes,
    coupon_responses,
    course_responses,
    message_responses,
    people_responses,
    requests,
    responses,
    study_responses,
    video_responses,
)
from chalicelib.web.caching import Kept
from chalicelib.web.functions import (
    alipay_notify,
    functions,
    hold_bills,
    process,
    send_messages,
    sweep_coupon_claims,
    wechat_notify,
    work_off_orders,
)
from chalicelib.web.notification import returned_order
from chalicelib.web.shop_app import ShopApp

__all__ = [
    "alipay_notify",
    "app",
    "hold_bills",
    "send_messages",
    "sweep_coupon_claims",
    "wechat_notify",
    "work_off_orders",
]

app = ShopApp("course-shop", process)


# People


@app.route("/api/captcha_check", methods=["GET"], codes=codes.CAPTCHA)
def start_captcha():
    started = check_captcha.start_captcha(app.gateways.geetest, app.address(), app.settings, app.now())
    return people_responses.captcha(started)


@app.route("/register", methods=["POST"], codes=codes.REGISTER)
def sign_up():
    body = app.json()
    with app.captcha(check_captcha.REGISTER, body):
        asked = requests.register_request(body)
        welcome = register.sign_up(
            asked.username, asked.password, app.address(), app.settings, app.now(), app.device()
        )
    return people_responses.signed_in(welcome, app.settings.shop_url)


@app.route("/login", methods=["POST"], codes=codes.LOGIN)
def login():
    body = app.json()
    with app.captcha(check_captcha.LOGIN, body):
        asked = requests.sign_in_request(body)
        welcome = sign_in.sign_in(
            asked.username, asked.password, app.address(), app.settings, app.now(), app.device()
        )
    return people_responses.signed_in(welcome, app.settings.shop_url)


@app.route("/logout", methods=["DELETE"])
def logout():
    sign_in.sign_out(app.authorization(), app.settings)
    return responses.success()


@app.route("/password", methods=["PUT"], codes=codes.PASSWORD)
def change_password():
    signed_in, asked = app.signed_in(), requests.password_request(app.json())
    change_own_password(signed_in, asked.old, asked.new, app.settings.password_iterations, app.now())
    return responses.success(msg="密码已修改，其他设备已退出登录")


@app.route("/codes", methods=["POST"], codes=codes.CODES)
def send_one_time_code():
    body = app.json()
    asked = requests.code_request(body)
    user = app.user() if asked.purpose == Purpose.CONFIRM else None
    with app.captcha(check_captcha.CODE, body):
        send_code.send_code(
            asked, user, app.address(), app.gateways, app.settings, app.now(), app.process.pause
        )
    return people_responses.sent_code()


@app.route("/login/code", methods=["POST"], codes=codes.LOGIN_BY_CODE)
def login_by_code():
    asked = requests.sign_in_by_code_request(app.json())
    welcome = use_code.sign_in_by_code(
        asked.subject, asked.code, app.address(), app.settings, app.now(), app.device()
    )
    return people_responses.signed_in(welcome, app.settings.shop_url)


@app.route("/password/forgotten", methods=["PUT"], codes=codes.FORGOTTEN_PASSWORD)
def set_forgotten_password():
    asked = requests.forgotten_password_request(app.json())
    use_code.set_forgotten_password(
        asked.subject, asked.code, asked.password, app.address(), app.settings, app.now()
    )
    return responses.success(msg="密码已重新设置，请用新密码登录")


@app.route("/contacts", methods=["GET"])
def list_contacts():
    return people_responses.contacts(change_contact.show_contacts(app.caller()), app.gateways, app.settings)


@app.route("/contacts/{channel}", methods=["PUT"], codes=codes.CONTACT_CONFIRM)
def confirm_contact(channel):
    caller, asked = app.caller(), requests.new_contact(channel, app.json())
    change_contact.confirm_contact(caller, asked, app.address(), app.settings, app.now())
    return people_responses.contacts(
        change_contact.show_contacts(caller), app.gateways, app.settings, "已确认"
    )


@app.route("/contacts/{channel}", methods=["DELETE"], codes=codes.CONTACT_REMOVE)
def remove_contact(channel):
    caller, body = app.caller(), app.json()
    change_contact.remove_contact(
        caller, requests.contact_channel(channel), requests.contact_password(body), app.settings
    )
    return people_responses.contacts(
        change_contact.show_contacts(caller), app.gateways, app.settings, "已解除"
    )


@app.route("/sessions", methods=["GET"])
def list_sessions():
    caller = app.caller()
    stored = caller.beside(session.list_sessions)
    return people_responses.sessions(stored, caller.signed_in(), app.now())


@app.route("/sessions", methods=["DELETE"])
def end_other_sessions():
    end_sessions.end_others(app.caller())
    return responses.success(msg="其他设备已退出登录")


@app.route("/sessions/{session_id}", methods=["DELETE"], codes=codes.SESSIONS)
def end_session(session_id):
    session.end_by_id(app.user().user_id, requests.session_id(session_id))
    return responses.success(msg="已退出该设备")


@app.route("/userinfo", methods=["GET"])
def user_info():
    shown = overview.overview(app.caller(), app.now())
    return people_responses.user_info(shown, app.settings.shop_url)


@app.route("/userinfo", methods=["PUT"], codes=codes.PROFILE)
def change_user_info():
    caller, change = app.caller(), requests.profile_request(app.json())
    shown = change_profile.change_profile(caller, change, app.now())
    return people_responses.user_info(shown, app.settings.shop_url)


# Messages


@app.route("/messages", methods=["GET"])
def list_messages():
    caller, asked = app.caller(), requests.page_request(app.query())
    order_number = requests.message_order(app.query())
    found = my_messages.list_messages(caller, asked.limit, asked.cursor, order_number)
    return message_responses.messages(found)


@app.route("/messages/unread", methods=["GET"])
def count_unread_messages():
    return message_responses.unread(my_messages.count_unread(app.caller()))


@app.route("/messages/read", methods=["PUT"], codes=codes.MESSAGES)
def mark_messages_read():
    caller = app.caller()
    my_messages.mark_read(caller, requests.read_until(app.json()))
    return responses.success()


@app.route("/preferences", methods=["GET"])
def show_preferences():
    return message_responses.preferences(my_messages.find_preferences(app.caller()))


@app.route("/preferences", methods=["PUT"], codes=codes.PREFERENCES)
def change_preferences():
    caller, asked = app.caller(), requests.preference_request(app.json())
    box = my_messages.change_preference(caller, asked.group, asked.channel, app.now(), on=asked.on)
    return message_responses.preferences(box)


@app.route("/unsubscribe", methods=["GET"], codes=codes.UNSUBSCRIBE)
def show_unsubscribe():
    _, group = unsubscribe.read_token(requests.unsubscribe_token(app.query()), app.settings)
    return message_responses.unsubscribed(group)


@app.route("/unsubscribe", methods=["POST"], codes=codes.UNSUBSCRIBE)
def unsubscribe_by_mail():
    token = requests.unsubscribe_token(app.query())
    return message_responses.unsubscribed(unsubscribe.unsubscribe(token, app.settings))


# Catalogue


@app.route("/home", methods=["GET"], kept=Kept.EVERYBODYS)
def show_home():
    return course_responses.home(browse.show_home(app.fresh, app.now()), app.settings.shop_url)


@app.route("/teachers", methods=["GET"], kept=Kept.EVERYBODYS)
def list_teachers():
    return course_responses.teachers(browse.on_show(app.fresh), app.settings.shop_url)


@app.route("/teachers/{teacher_id}", methods=["GET"], codes=codes.TEACHER, kept=Kept.EVERYBODYS)
def show_teacher(teacher_id):
    teacher = browse.show_teacher(requests.teacher_id(teacher_id), app.fresh)
    return course_responses.teacher(teacher, app.settings.shop_url)


@app.route("/course/category", methods=["GET"], kept=Kept.EVERYBODYS)
def list_categories():
    return course_responses.categories(app.fresh(("categories",), catalog.list_categories))


@app.route("/courses", methods=["GET"], kept=Kept.EVERYBODYS)
def list_courses():
    category_id, page = requests.category_id(app.query()), requests.page_request(app.query())
    found = browse.list_courses(category_id, page.limit, page.cursor, app.fresh)
    return course_responses.course_list(found, app.settings.shop_url)


@app.route("/courses/search", methods=["GET"], kept=Kept.EVERYBODYS)
def search_courses():
    asked = requests.search_request(app.query())
    on_show = browse.on_show(app.fresh)
    found = course_search.search(on_show.entries, asked.search, asked.start, asked.limit)
    return course_responses.found_courses(found, on_show, app.settings.shop_url)


@app.route("/coursedetail/{detail_id}", methods=["GET"], kept=Kept.EVERYBODYS)
def show_course(detail_id):
    number, parts = requests.detail_id(detail_id), requests.page_parts(app.query())
    page = browse.show_page(number, parts, app.fresh, app.now())
    return course_responses.course_page(page, app.settings)


@app.route("/course/{course_id}", methods=["GET"], codes=codes.CONTENTS, kept=Kept.EVERYBODYS)
def show_course_by_id(course_id):
    key = requests.course_key_of(course_id, app.query())
    page = browse.show_course(key, app.fresh, app.now())
    return course_responses.course(page, app.settings)


@app.route("/course/{course_id}/chapters", methods=["GET"], codes=codes.CONTENTS, kept=Kept.VISITORS)
def show_chapters(course_id):
    key = requests.course_key_of(course_id, app.query())
    return course_responses.chapters(study.contents_of(key, app.visitor(), app.fresh, app.now()))


@app.route("/course/{course_id}/questions", methods=["GET"], codes=codes.CONTENTS, kept=Kept.EVERYBODYS)
def show_questions(course_id):
    key = requests.course_key_of(course_id, app.query())
    return course_responses.questions(study.contents_of(key, None, app.fresh, app.now()))


@app.route("/course/{course_id}/mine", methods=["GET"], codes=codes.CONTENTS)
def show_mine(course_id):
    caller, key = app.caller(), requests.course_key_of(course_id, app.query())
    return course_responses.my_course(my_course.show_mine(caller, key, app.now()), app.now())


# Studying


@app.route("/course/{course_id}/sections/{section_id}/play", methods=["POST"], codes=codes.PLAY)
def play(course_id, section_id):
    visitor, ticket = app.visitor(), requests.play_request(app.json())
    key = requests.course_key_of(course_id, app.query())
    playing = play_section.play(
        key,
        requests.section_id(section_id),
        ticket,
        visitor,
        app.payer_address(),
        app.gateways.polyv,
        app.settings.jwt_key,
        app.fresh,
        app.now(),
    )
    return study_responses.playing(playing)


@app.route("/study/report", methods=["POST"], codes=codes.STUDY_REPORT)
def take_study_report():
    caller, asked = app.caller(), requests.study_report(app.json())
    return study_responses.reported(
        report_study.report(caller, asked.ticket, asked.spans, asked.at, app.now())
    )


@app.route("/study", methods=["GET"])
def show_study():
    return study_responses.study(my_study.show_study(app.caller(), app.now()))


@app.route("/course/{course_id}/progress", methods=["GET"], codes=codes.PROGRESS)
def show_progress(course_id):
    caller, key = app.caller(), requests.course_key_of(course_id, app.query())
    return study_responses.progress(my_study.show_progress(caller, key, app.fresh, app.now()))


# Questions and assignments


@app.route("/course/{course_id}/asked", methods=["GET"], codes=codes.CONTENTS)
def list_asked(course_id):
    caller, page = app.caller(), requests.page_request(app.query())
    key = requests.course_key_of(course_id, app.query())
    return asked_responses.asked(ask_question.list_asked(caller, key, page.limit, page.cursor))


@app.route("/course/{course_id}/asked", methods=["POST"], codes=codes.ASK)
def ask(course_id):
    caller, asked = app.caller(), requests.ask_request(app.json())
    key = requests.course_key_of(course_id, app.query())
    return asked_responses.question(
        ask_question.ask(caller, key, asked.text, asked.section_id, app.fresh, app.now())
    )


@app.route("/course/{course_id}/sections/{section_id}/assignment", methods=["GET"], codes=codes.ASSIGNMENT)
def show_assignment(course_id, section_id):
    caller, key = app.caller(), requests.course_key_of(course_id, app.query())
    section = requests.section_id(section_id)
    return asked_responses.assignment(do_assignment.show(caller, key, section, app.fresh, app.now()))


@app.route("/course/{course_id}/sections/{section_id}/assignment", methods=["PUT"], codes=codes.HAND_IN)
def hand_in_assignment(course_id, section_id):
    caller, text = app.caller(), requests.hand_in_request(app.json())
    key, section = requests.course_key_of(course_id, app.query()), requests.section_id(section_id)
    shown = do_assignment.put(caller, key, section, text, app.fresh, app.now())
    return asked_responses.handed_in(shown)


# Cart and settlement


@app.route("/shoppingcar", methods=["POST"], codes=codes.CART_ADD)
def add_to_cart():
    caller = app.caller()
    fill_cart.add_to_cart(caller, requests.cart_add_request(app.json()), app.now())
    return responses.success(msg="已加入购物车")


@app.route("/shoppingcar", methods=["GET"], codes=codes.CART_SHOW)
def show_cart():
    view = fill_cart.show_cart(app.caller())
    return cart_responses.cart(view, app.now(), app.settings.shop_url)


@app.route("/shoppingcar/preview", methods=["POST"], codes=codes.CART_PREVIEW)
def preview_cart():
    view = fill_cart.preview_cart(requests.cart_preview_request(app.json()))
    return cart_responses.cart(view, app.now(), app.settings.shop_url)


@app.route("/shoppingcar", methods=["DELETE"], codes=codes.CART_REMOVE)
def remove_from_cart():
    user = app.user()
    fill_cart.remove_from_cart(user.user_id, requests.cart_remove_request(app.json()))
    return responses.success("删除成功")


@app.route("/account", methods=["POST"], codes=codes.ACCOUNT_OPEN)
def open_account():
    caller, body = app.caller(), app.json()
    with settle.replacing_account(caller):
        settle.open_account(caller, requests.account_request(body))
    return responses.success()


@app.route("/account", methods=["GET"], codes=codes.ACCOUNT_SHOW)
def show_account():
    view = settle.show_account(app.caller(), app.now())
    return cart_responses.account(view, app.settings.shop_url)


@app.route("/account", methods=["PUT"], codes=codes.ACCOUNT_PRICE)
def price_account():
    caller, asked = app.caller(), requests.price_request(app.json())
    priced = settle.price_account(
        caller, asked.coupons, asked.general_coupon_record_id, asked.use_beli, app.now()
    )
    return cart_responses.priced_account(priced)


@app.route("/account/quote", methods=["POST"], codes=codes.QUOTE)
def quote_account():
    caller = app.caller()
    quoted = quote.quote(caller, requests.quote_request(app.json()), app.now())
    return cart_responses.quote(quoted, app.gateways, app.settings, app.now())


# Coupons


@app.route("/coupons", methods=["GET"])
def list_coupons():
    return coupon_responses.my_coupons(my_coupons.list_held(app.caller()), app.now())


@app.route("/coupons/available", methods=["GET"], kept=Kept.VISITORS)
def list_claimable_coupons():
    visitor, with_coming = app.visitor(), requests.wants_coming(app.query())
    offers = claim_coupon.list_claimable(visitor, app.fresh, app.now(), with_coming=with_coming)
    return coupon_responses.claimable_coupons(offers)


@app.route("/coupons/{coupon_id}/claim", methods=["POST"], codes=codes.COUPON_CLAIM)
def claim(coupon_id):
    caller, body, number = app.caller(), app.optional_json(), requests.coupon_id(coupon_id)
    offer = claim_coupon.find_offer(caller, number)
    with app.captcha(check_captcha.CLAIM, body):
        record = claim_coupon.claim_coupon(caller.user_id, offer, app.address(), app.now())
    return coupon_responses.claimed_coupon(claim_coupon.named(record, offer), app.now())


# Orders


@app.route("/payment", methods=["POST"], codes=codes.PAYMENT)
def pay():
    caller, asked = app.caller(), requests.payment_request(app.json())
    key = requests.idempotency_key(app.header("idempotency-key"), asked)
    placed = checkout.place_order(
        caller, asked.choice, asked.pay_money, key, app.gateways, app.settings, app.now(), asked.provider
    )
    return responses.placed_order(placed)


@app.route("/get_pay_url", methods=["GET"], codes=codes.PAY_ADDRESS)
def find_pay_address():
    caller, asked = app.caller(), requests.pay_address_request(app.query())
    payable = checkout.find_payable(caller, asked.order_number, asked.amount, app.gateways, app.now())
    page = checkout.pay_page(payable, app.gateways, app.now())
    return responses.pay_address(payable, page, checkout.find_duplicate(payable, app.now()))


@app.route("/myorder", methods=["GET"])
def list_orders():
    caller, page, status = app.caller(), *requests.orders_request(app.query())
    found = caller.beside(lambda user_id: order.list_orders(user_id, page.limit, page.cursor, status))
    courses = catalog.find_courses({line.course for one in found.orders for line in one.lines})
    return responses.orders(found, courses, app.gateways, app.now(), app.settings)


@app.route("/order/{order_number}", methods=["GET"], codes=codes.ORDER)
def find_order(order_number):
    caller, number = app.caller(), requests.order_number(order_number)
    chosen = requests.chosen_lines(app.query())
    page = show_order.show(order.find_own(caller, number), app.gateways, app.now())
    return responses.order(page, app.gateways, app.now(), app.settings, chosen)


@app.route("/order/{order_number}/cancel", methods=["POST"], codes=codes.ORDER_CANCEL)
def cancel_order(order_number):
    caller, number = app.caller(), requests.order_number(order_number)
    close_order.cancel_by_learner(order.find_own(caller, number), app.gateways, app.now())
    return responses.cancelled_order(number)


@app.route("/order/{order_number}/wechat", methods=["POST"], codes=codes.BEGIN_PAYMENT)
def start_wechat(order_number):
    caller, number = app.caller(), requests.order_number(order_number)
    asked = requests.way_request(app.json())
    mine = order.find_own(caller, number)
    started = pay_wechat.start(
        mine,
        asked.way,
        asked.authorisation,
        app.payer_address(),
        app.gateways,
        app.settings,
        app.now(),
    )
    return responses.started_payment(mine, started, app.now())


@app.route("/order/{order_number}/provider", methods=["POST"], codes=codes.CHANGE_PROVIDER)
def choose_provider(order_number):
    caller, number = app.caller(), requests.order_number(order_number)
    provider = requests.provider_request(app.json())
    mine = change_provider(order.find_own(caller, number), provider, app.gateways, app.now())
    page = checkout.pay_page(mine, app.gateways, app.now())
    return responses.pay_address(mine, page, checkout.find_duplicate(mine, app.now()))


@app.route("/order/{order_number}/refund", methods=["POST"], codes=codes.REFUND_APPLY)
def request_refund(order_number):
    caller, asked = app.caller(), requests.refund_request(app.json())
    paid = order.find_own(caller, requests.order_number(order_number))
    window, providers = app.settings.refund_window, app.gateways.payments
    applied = apply_for_refund.apply(paid, asked.lines, asked.reason, window, providers, app.now())
    return responses.refund(applied)


@app.route("/order/{order_number}/refund_preview", methods=["GET"], codes=codes.REFUND_PREVIEW)
def show_refund(order_number):
    caller, chosen = app.caller(), requests.chosen_lines(app.query())
    paid, window = order.find_own(caller, requests.order_number(order_number)), app.settings.refund_window
    providers = app.gateways.payments
    previewed = preview_refund.preview(paid, chosen, window, providers, app.now())
    return responses.refund_preview(previewed, window, providers, app.now())


@app.route("/order/{order_number}/refund/{request_no}", methods=["DELETE"], codes=codes.REFUND_WITHDRAW)
def withdraw_refund(order_number, request_no):
    caller, number = app.caller(), requests.order_number(order_number)
    paid, application = order.find_own(caller, number), requests.request_no(request_no)
    return responses.withdrawn_refund(apply_for_refund.withdraw(paid, application, app.now()))


@app.route("/beli", methods=["GET"])
def list_ledger():
    caller, page = app.caller(), requests.page_request(app.query())
    found = caller.beside(lambda user_id: ledger.list_newest(user_id, page.limit, page.cursor))
    return people_responses.ledger(found, caller.user().beli)


@app.route("/mycourses", methods=["GET"])
def list_my_courses():
    mine, studied = my_study.list_courses(app.caller())
    courses = catalog.find_courses([course.course for course in mine])
    return responses.my_courses(mine, courses, studied, app.now(), app.settings.shop_url)


# Back office: for users whose role is 管理员


@app.route("/admin/refunds", methods=["GET"], codes=codes.BACK_OFFICE)
def list_refunds():
    user, page = app.user(), requests.page_request(app.query())
    sign_in.require_admin(user)
    return responses.refunds(waiting_refunds.list_refunds(page.limit, page.cursor))


@app.route("/admin/refunds/{request_no}/approve", methods=["POST"], codes=codes.REFUND_APPROVE)
def approve_refund(request_no):
    user, body = app.user(), app.optional_json()
    operator, number = sign_in.require_admin(user), requests.request_no(request_no)
    status = decide_refund.approve(
        number,
        operator.username,
        app.gateways,
        app.now(),
        operator_id=operator.user_id,
        pay_again=requests.pay_again(body),
    )
    return responses.decided_refund(number, status)


@app.route("/admin/refunds/{request_no}/refuse", methods=["POST"], codes=codes.REFUND_REFUSE)
def refuse_refund(request_no):
    user, body = app.user(), app.json()
    operator, number = sign_in.require_admin(user), requests.request_no(request_no)
    answer = requests.answer_text(body)
    decide_refund.refuse(
        number, operator.username, answer, app.gateways, app.now(), operator_id=operator.user_id
    )
    return responses.decided_refund(number, refund.REFUSED)


# Payment providers, which send a buyer back here, and the functions that nobody visits


@app.route("/trade/alipay", methods=["GET"])
def return_from_alipay():
    number = returned_order(app.gateways.of(ALIPAY), app.query_lists())
    return Response("", status_code=302, headers={"Location": app.settings.result_address(number)})


# The video platform, and its player


@app.route("/video/polyv", methods=["GET"], codes=codes.VIDEO_CALLBACK)
def hear_of_video():
    know_video.take_callback(app.query(), None, app.gateways.polyv)
    return responses.success()


@app.route("/video/polyv", methods=["POST"], codes=codes.VIDEO_CALLBACK)
def hear_of_videos():
    know_video.take_callback(app.query(), app.json(), app.gateways.polyv)
    return responses.success()


@app.route("/video/marquee", methods=["GET"], codes=codes.MARQUEE)
def tell_marquee():
    asked = requests.marquee_request(app.query())
    told = show_marquee.answer(asked.question, app.gateways.polyv, app.settings.jwt_keys, app.now())
    return video_responses.marquee(told, asked.function)


# What the provider of SMS pushes


@app.route("/sms/receipts", methods=["GET"], codes=codes.PUSHES)
def try_sms_receipts():
    take_pushes.check_key(requests.push_key(app.query()), app.gateways)
    return message_responses.accepted()


@app.route("/sms/receipts", methods=["POST"], codes=codes.PUSHES)
def take_sms_receipts():
    key = requests.push_key(app.query())
    take_pushes.take_receipts(key, app.body(), app.gateways, app.now())
    return message_responses.accepted()


@app.route("/sms/replies", methods=["GET"], codes=codes.PUSHES)
def try_sms_replies():
    take_pushes.check_key(requests.push_key(app.query()), app.gateways)
    return message_responses.accepted()


@app.route("/sms/replies", methods=["POST"], codes=codes.PUSHES)
def take_sms_replies():
    key, keys = requests.push_key(app.query()), app.settings.contact_keys
    take_pushes.take_replies(key, app.body(), app.gateways, keys, app.now())
    return message_responses.accepted()


app.register_blueprint(functions)
