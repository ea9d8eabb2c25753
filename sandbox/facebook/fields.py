"""The fields that a node has. One that it has not refuses the whole call. Names: Meta's business SDK for Python, 26.0.3."""

from sandbox.facebook import errors


def _names_in(text: str) -> frozenset[str]:
    return frozenset(text.split())


USER = _names_in(
    "about accounts adaccounts age_range birthday businesses client_business_id cover currency education email favorite_athletes"
    " favorite_teams first_name gender hometown id inspirational_people install_type installed is_guest_user is_work_account languages"
    " last_name link locale location meeting_for middle_name name name_format payment_pricepoints permissions picture political quotes"
    " relationship_status religion short_name significant_other sports third_party_id timezone token_for_business updated_time verified"
    " video_upload_limits website"
)
AD_ACCOUNT = _names_in(
    "account_id account_status ad_account_promotable_objects age agency_client_declaration all_capabilities amount_spent"
    " attribution_spec balance brand_safety_content_filter_levels business business_city business_country_code business_name"
    " business_state business_street business_street2 business_zip can_create_brand_lift_study capabilities created_time currency"
    " custom_audience_info default_dsa_beneficiary default_dsa_payor disable_reason end_advertiser end_advertiser_name"
    " existing_customers extended_credit_invoice_group failed_delivery_checks fb_entity funding_source funding_source_details"
    " has_migrated_permissions has_page_authorized_adaccount id io_number is_attribution_spec_system_default is_direct_deals_enabled"
    " is_in_3ds_authorization_enabled_market is_notifications_enabled is_personal is_prepay_account is_tax_id_required liable_address"
    " line_numbers media_agency min_campaign_group_spend_cap min_daily_budget name offsite_pixels_tos_accepted opportunity_score owner"
    " owner_business partner rf_spec send_bill_to_address show_checkout_experience sold_to_address spend_cap tax_id tax_id_status"
    " tax_id_type timezone_id timezone_name timezone_offset_hours_utc tos_accepted user_access_expire_time user_tasks"
    " user_tos_accepted viewable_business"
)
CAMPAIGN = _names_in(
    "account_id adlabels adsets ads bid_strategy boosted_object_id brand_lift_studies budget_rebalance_flag budget_remaining buying_type"
    " campaign_group_active_time can_create_brand_lift_study can_use_spend_cap configured_status created_time daily_budget"
    " effective_status has_secondary_skadnetwork_reporting id insights is_adset_budget_sharing_enabled is_budget_schedule_enabled"
    " is_skadnetwork_attribution issues_info last_budget_toggling_time lifetime_budget name objective pacing_type primary_attribution"
    " promoted_object recommendations smart_promotion_type source_campaign source_campaign_id special_ad_categories"
    " special_ad_category special_ad_category_country spend_cap start_time status stop_time topline_id updated_time"
)


def asked(text: str, known: frozenset[str], node: str) -> list[str]:
    """Return the names in a `fields` parameter; what is asked of a field (`name{id}`, `name.limit(3)`) is left out.

    Raises GraphError for one that the node has not.
    """
    names = _names(text)
    for name in names:
        if name not in known:
            raise errors.bad_parameter(f"Tried accessing nonexisting field ({name}) on node type ({node})")
    return names


def _names(text: str) -> list[str]:
    found, depth = [""], 0
    for sign in text:
        depth += (sign in "{(") - (sign in "})")
        if sign == "," and not depth:
            found.append("")
        elif not depth and sign not in "})":
            found[-1] += sign
    return [name.partition(".")[0].strip() for name in found if name.strip()]
